import { createHash } from 'node:crypto'
import { type ImportedKey, type ImportFinding, shown } from './finding.ts'
import { namesIn, textIn } from './foreign.ts'

/** A row of a table. new-api has more columns than one-api. */
export type OneApiRow = Readonly<Record<string, unknown>>

interface TokensOptions {
  readonly users: readonly OneApiRow[]
  readonly findings: ImportFinding[]
  readonly nowMs: number
}

interface TokenContext extends TokensOptions {
  /** The users that exist, by their id. */
  readonly owners: ReadonlyMap<unknown, OneApiRow>
  /** The names that were given. */
  readonly names: Set<string>
}

/** Translates the tokens that work there. A key that its owner has turned off or removed must not work again. */
export function readTokens(tokens: readonly OneApiRow[], options: TokensOptions): readonly ImportedKey[] {
  const owners = new Map(options.users.filter(isThere).map((user) => [user.id, user]))
  const context = { ...options, owners, names: new Set<string>() }
  return tokens.flatMap((token) => readToken(token, context) ?? [])
}

const enabled = 1

/** new-api keeps a row that was removed, and notes when (new-api, model/token.go and model/user.go: gorm.DeletedAt). */
function isThere({ deleted_at: removedAt }: OneApiRow): boolean {
  return removedAt === null || removedAt === undefined
}

/** There a dollar is 500,000 (one-api, common/config: QuotaPerUnit). */
const quotaPerDollar = 500_000
/** A date of JavaScript cannot be later. In seconds since 1970 */
const lastSecond = 8_640_000_000_000

function readToken(token: OneApiRow, context: TokenContext): ImportedKey | undefined {
  const { findings, owners, names } = context
  const place = `tokens ${Number(token.id)} (${shown(token.name)})`
  const text = textIn(token.key)?.trim()
  const fault = text === undefined ? 'It has no key' : faultOf(token, context)
  if (fault !== undefined || text === undefined) {
    findings.push({ place, text: `${fault}, so it was left out.` })
    return undefined
  }
  if (['subnet', 'allow_ips'].some((column) => textIn(token[column])?.trim()))
    findings.push({ place, text: 'A limit to some addresses has no counterpart here.' })
  if (textIn(token.group) !== undefined)
    findings.push({ place, text: `The group "${shown(token.group)}" is not carried over.` })
  const dollars = Number(token.remain_quota) / quotaPerDollar
  const models = modelsOf(token)
  const expires = Number(token.expired_time ?? -1)
  return {
    name: nameFor(
      textIn(owners.get(token.user_id)?.username),
      textIn(token.name) ?? `token-${Number(token.id)}`,
      names,
    ),
    hash: createHash('sha256').update(`sk-${text}`).digest('hex'),
    ...(models && { models }),
    ...(!token.unlimited_quota && { budget: `${Math.max(dollars, 0.01).toFixed(2)} USD` }),
    ...(expires > 0 && expires < lastSecond && { expires: new Date(expires * 1_000).toISOString() }),
  }
}

/** Why a token does not work there. one-api, middleware/auth.go */
function faultOf(token: OneApiRow, { owners, nowMs }: TokenContext): string | undefined {
  const owner = owners.get(token.user_id)
  if (!isThere(token)) return 'It was removed there'
  if (token.status !== enabled) return 'It is turned off, expired or used up there'
  if (!owner) return 'Its user does not exist there'
  if (owner.status !== enabled) return 'Its user is turned off there'
  const expires = Number(token.expired_time ?? -1)
  if (expires > 0 && expires * 1_000 < nowMs) return 'It has expired'
  if (!token.unlimited_quota && !(Number(token.remain_quota) > 0)) return 'Its quota is used up'
  // there an empty list of new-api allows no model
  return modelsOf(token)?.length === 0 ? 'It may use no model' : undefined
}

/** The models that a token may use; undefined if all. */
function modelsOf({ models, model_limits: limits, model_limits_enabled: isLimited }: OneApiRow) {
  if (isLimited) return namesIn(limits)
  const listed = namesIn(models)
  return listed.length > 0 ? listed : undefined
}

/** A name that is not given yet, of the characters that a key's name may have. */
function nameFor(owner: string | undefined, name: string, names: Set<string>): string {
  const plain = `${owner === undefined ? '' : `${owner}.`}${name}`.replaceAll(/[^\w.@+-]+/g, '-')
  const wanted = plain.replace(/^[^A-Za-z0-9]+/, '').slice(0, 56) || 'token'
  let free = wanted
  for (let number = 2; names.has(free); number++) free = `${wanted}-${number}`
  names.add(free)
  return free
}

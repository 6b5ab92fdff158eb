import { createHash } from 'node:crypto'
import { type ImportedKey, type ImportedSettings, type ImportFinding, shown } from './finding.ts'
import { textIn } from './foreign.ts'
import { type Deployment, planSettings } from './plan-settings.ts'
import { labelOf, type ModelService } from './services.ts'

/** A row of a table. new-api has more columns than one-api. */
export type OneApiRow = Readonly<Record<string, unknown>>

/** The tables of a database of one-api or new-api. */
export interface OneApiTables {
  readonly channels: readonly OneApiRow[]
  readonly tokens: readonly OneApiRow[]
  /** Names of the users, by their id. */
  readonly users: readonly OneApiRow[]
}

/** Translates a database of one-api or new-api: channels to upstreams, tokens to client keys. */
export function importOneApi({ channels, tokens, users }: OneApiTables): ImportedSettings {
  const findings: ImportFinding[] = []
  const deployments = channels.flatMap((channel) => readChannel(channel, findings))
  const plan = planSettings(deployments, { fallbacks: new Map() })
  const owners = new Map(users.map(({ id, username }) => [id, shown(username)]))
  const names = new Set<string>()
  const keys = tokens.flatMap((token) => {
    const key = readToken(token, { names, owner: owners.get(token.user_id), findings })
    return key ? [key] : []
  })
  return { variables: plan.variables, keys, findings: [...findings, ...plan.findings] }
}

/** Types of channels that are an upstream here (one-api, relay/channeltype; new-api, constant/channel.go has the same numbers). */
const upstreamOf: Readonly<Record<number, string>> = {
  ...{ 1: 'openai', 14: 'anthropic', 20: 'openrouter', 24: 'gemini', 28: 'mistral', 29: 'groq' },
  ...{ 35: 'cohere', 36: 'deepseek', 39: 'together', 45: 'xai' },
}

/** Types that speak OpenAI's dialect at another address: its usual one, with its version path. */
const addressOf: Readonly<Record<number, readonly [label: string, url: string]>> = {
  25: ['moonshot-cn', 'https://api.moonshot.cn/v1'],
  26: ['baichuan', 'https://api.baichuan-ai.com/v1'],
  31: ['lingyiwanwu', 'https://api.lingyiwanwu.com/v1'],
  32: ['stepfun', 'https://api.stepfun.com/v1'],
  16: ['zhipu', 'https://open.bigmodel.cn/api/paas/v4'],
  17: ['qwen', 'https://dashscope.aliyuncs.com/compatible-mode/v1'],
  40: ['doubao', 'https://ark.cn-beijing.volces.com/api/v3'],
  44: ['siliconflow', 'https://api.siliconflow.cn/v1'],
  49: ['bailian', 'https://dashscope.aliyuncs.com/compatible-mode/v1'],
}

const enabled = 1

function readChannel(channel: OneApiRow, findings: ImportFinding[]): readonly Deployment[] {
  const place = `channels ${Number(channel.id)} (${shown(channel.name)})`
  if (channel.status !== enabled) {
    findings.push({ place, text: 'It is turned off there, so it was left out.' })
    return []
  }
  const service = serviceOf(channel)
  if (typeof service === 'string') {
    findings.push({ place, text: service })
    return []
  }
  const mapping = mappingOf(channel.model_mapping)
  if (textIn(channel.group) !== undefined && channel.group !== 'default')
    findings.push({
      place,
      text: `The group "${shown(channel.group)}" is not carried over: give each client key its models.`,
    })
  if (textIn(channel.system_prompt) !== undefined)
    findings.push({ place, text: 'A system prompt of a channel has no counterpart here.' })
  const [weight, priority] = [Number(channel.weight ?? 0), Number(channel.priority ?? 0)]
  // new-api keeps several keys of a channel in one text
  const keys = String(channel.key ?? '')
    .split('\n')
    .map((text) => text.trim())
    .filter((text) => text !== '')
  return listOf(channel.models).flatMap((name) =>
    (keys.length > 0 ? keys : [undefined]).map((text) => ({
      ...{ name, service, model: mapping[name] ?? name, place },
      key: text === undefined ? undefined : { text },
      weight: weight > 0 ? Math.min(weight, 1_000) : undefined,
      // there a higher priority comes first
      rank: -priority,
    })),
  )
}

/** @returns where a channel's models are, or why they cannot be asked here */
function serviceOf({ type, base_url: base, name }: OneApiRow): ModelService | string {
  const number = Number(type)
  const url = textIn(base)?.replace(/\/+$/, '')
  const upstream = upstreamOf[number]
  if (upstream !== undefined && url === undefined)
    return { upstream, api: upstream === 'anthropic' ? 'messages' : 'chat', label: upstream }
  if (upstream === 'anthropic' && url !== undefined) return { url, api: 'messages', label: labelOf(url, 'anthropic') }
  const usual = addressOf[number]
  if (usual) return { url: url === undefined ? usual[1] : withVersion(url), api: 'chat', label: usual[0] }
  const isCompatible = upstream !== undefined || number === 8 || number === 50
  if (isCompatible && url !== undefined)
    return { url: withVersion(url), api: 'chat', label: labelOf(url, textIn(name) ?? 'channel') }
  if (number === 30) return { url: withVersion(url ?? 'http://localhost:11434'), api: 'chat', label: 'ollama' }
  return `Channels of the type ${number} are not known here. If it speaks OpenAI's dialect, set UPSTREAM_NAME_URL and UPSTREAM_NAME_KEY.`
}

/** one-api adds `/v1` itself. */
function withVersion(url: string): string {
  return /\/v\d+\w*$/.test(url) ? url : `${url}/v1`
}

function mappingOf(value: unknown): Readonly<Record<string, string>> {
  const text = textIn(value)
  if (text === undefined) return {}
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null) return {}
    return Object.fromEntries(
      Object.entries(parsed).flatMap(([name, model]) => (typeof model === 'string' ? [[name, model]] : [])),
    )
  } catch {
    return {}
  }
}

interface TokenContext {
  /** The names that were given. */
  readonly names: Set<string>
  readonly owner: string | undefined
  readonly findings: ImportFinding[]
}

/** There a dollar is 500,000 (one-api, common/config: QuotaPerUnit). */
const quotaPerDollar = 500_000

function readToken(token: OneApiRow, { names, owner, findings }: TokenContext): ImportedKey | undefined {
  const place = `tokens ${Number(token.id)} (${shown(token.name)})`
  const text = textIn(token.key)?.trim()
  if (token.status !== enabled || text === undefined) {
    findings.push({ place, text: 'It is turned off, expired or used up there, so it was left out.' })
    return undefined
  }
  for (const [column, what] of [
    ['subnet', 'A limit to some addresses'],
    ['allow_ips', 'A limit to some addresses'],
  ] as const)
    if (textIn(token[column]) !== undefined) findings.push({ place, text: `${what} has no counterpart here.` })
  const dollars = Number(token.remain_quota ?? 0) / quotaPerDollar
  const models = listOf(token.models ?? (token.model_limits_enabled ? token.model_limits : undefined))
  const expires = Number(token.expired_time ?? -1)
  return {
    name: nameFor(owner, textIn(token.name) ?? `token-${Number(token.id)}`, names),
    hash: createHash('sha256').update(`sk-${text}`).digest('hex'),
    ...(models.length > 0 && { models }),
    ...(!token.unlimited_quota && { budget: `${Math.max(dollars, 0.01).toFixed(2)} USD` }),
    ...(expires > 0 && { expires: new Date(expires * 1_000).toISOString() }),
  }
}

/** A name that is not given yet, of the characters that a key's name may have. */
function nameFor(owner: string | undefined, name: string, names: Set<string>): string {
  const plain = `${owner === undefined || owner === '' ? '' : `${owner}.`}${name}`.replaceAll(/[^\w.@+-]+/g, '-')
  const wanted = plain.replace(/^[^A-Za-z0-9]+/, '').slice(0, 56) || 'token'
  let free = wanted
  for (let number = 2; names.has(free); number++) free = `${wanted}-${number}`
  names.add(free)
  return free
}

function listOf(value: unknown): readonly string[] {
  return (textIn(value) ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
}

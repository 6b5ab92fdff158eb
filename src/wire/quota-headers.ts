import { lastToEnd, type NoteQuota, type QuotaReport, type QuotaWindow } from '../chat/quota.ts'
import { readReset } from './read-reset.ts'
import { HeaderLines, isBlank, type ReplyHeaders } from './reply-headers.ts'

/** What is known of a reply before its body. */
interface LimitsHead {
  readonly headers: ReplyHeaders
  /** When the head came, in milliseconds since 1970. */
  readonly receivedAt: number
}

/**
 * What a reply says of the limits of its account; undefined if it says nothing. It understands `x-ratelimit-*` as OpenAI, Groq,
 * Azure, Mistral, Cerebras and OpenRouter spell it, `anthropic-ratelimit-*`, Cohere's `x-trial-endpoint-call-*`, and the
 * forms of the IETF's drafts. The headers are not read here, because this runs for every reply.
 */
export function quotaIn({ headers, receivedAt }: LimitsHead): QuotaReport | undefined {
  const known = headers instanceof HeaderLines ? headers : linesOf(headers)
  const lines = known.asTheyCame
  const first = lines.indexOf(rest)
  if (first === -1 && !lines.includes('atelimit:') && !lines.includes('ateLimit:')) return undefined
  return new ReplyQuota(known, { receivedAt, first })
}

/** Tells an account's pool what a reply says of the account's limits. */
export function noteQuota(note: NoteQuota | undefined, reply: LimitsHead): void {
  const report = note && quotaIn(reply)
  if (report) note(report)
}

/** Milliseconds until a limit that is used up is there again; undefined if the headers do not state that. */
export function msUntilReset(head: LimitsHead): number | undefined {
  const windows = quotaIn(head)?.windows() ?? []
  const { notBefore = 0 } = lastToEnd(windows, head.receivedAt) ?? {}
  return notBefore > head.receivedAt ? notBefore - head.receivedAt : undefined
}

/** `Remaining` without its first letter, because a look for all spellings takes ten times as long. */
const rest = 'emaining'

/** The platform's headers, of a reply that came through a proxy. */
function linesOf(headers: ReplyHeaders): HeaderLines {
  return new HeaderLines(`\r\n${[...headers].map(([name, value]) => `${name}: ${value}\r\n`).join('')}`)
}

interface Found {
  readonly receivedAt: number
  /** Where the first remainder is named; -1 for none. */
  readonly first: number
}

class ReplyQuota implements QuotaReport {
  readonly receivedAt: number
  readonly #headers: HeaderLines
  readonly #first: number

  constructor(headers: HeaderLines, { receivedAt, first }: Found) {
    this.receivedAt = receivedAt
    this.#headers = headers
    this.#first = first
  }

  get mayBeUsedUp(): boolean {
    const lines = this.#headers.asTheyCame
    for (let at = this.#first; at !== -1; at = lines.indexOf(rest, at + rest.length))
      if (isZero(lines, at + rest.length)) return true
    return this.#first === -1 && lines.includes('r=0')
  }

  windows(): readonly QuotaWindow[] {
    return readWindows(this.#headers.inSmallLetters, this.receivedAt)
  }
}

const [zero, equals] = [48, 61]

/** Whether the value after a name begins with 0. The name may go on, and the value may be a member of another one. */
function isZero(lines: string, nameEnd: number): boolean {
  const mark = lines.charCodeAt(nameEnd) === equals ? nameEnd : lines.indexOf(':', nameEnd)
  return lines.charCodeAt(isBlank(lines, mark + 1) ? mark + 2 : mark + 1) === zero
}

type QuotaWord = 'limit' | 'remaining' | 'reset'
type QuotaWords = { -readonly [Name in QuotaWord]?: string }

/** A header that states one number of one limit. Its name has the role before or after what is limited. */
const named =
  /^(?:x-|anthropic-)*(ratelimitbysize|rate-?limit|tokenlimit|(?:trial-)?endpoint-(?:monthly-)?call)-(?:(.+)-)?(limit|remaining|reset)(?:-(.+))?$/

/** Limit for the limits of one reply. */
const maxWindows = 16

function readWindows(lines: string, receivedAt: number): readonly QuotaWindow[] {
  const limits = new Map<string, QuotaWords>()
  const windows: QuotaWindow[] = []
  for (const line of lines.slice(2, -2).split('\r\n')) {
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()]
    if (name === 'ratelimit') windows.push(...structured(value, receivedAt))
    const [, family = '', before, role, after] = named.exec(name) ?? []
    if (!isQuotaWord(role)) continue
    const key = [family, before, after].filter((word) => word !== undefined).join('-')
    const said = limits.get(key) ?? {}
    said[role] ??= value
    limits.set(key, said)
  }
  const isAnthropic = lines.includes('\r\nanthropic-ratelimit-')
  for (const [key, said] of limits) windows.push(...windowOf(key, said, { receivedAt, isAnthropic }))
  return windows.slice(0, maxWindows)
}

function isQuotaWord(role: string | undefined): role is QuotaWord {
  return role === 'limit' || role === 'remaining' || role === 'reset'
}

const second = 1_000
const lengths: ReadonlyMap<string, number> = new Map([
  ['second', second],
  ['minute', 60 * second],
  ['hour', 3_600 * second],
  ['day', 86_400 * second],
  ['daily', 86_400 * second],
  ['month', 30 * 86_400 * second],
  ['monthly', 30 * 86_400 * second],
])
/** Words of a name that do not say more about a limit. */
const plainWords = /^(ratelimitbysize|rate|ratelimit|limit|tokenlimit|trial|endpoint|call|req|requests?|tokens?)$/

interface ReadingHeaders {
  readonly receivedAt: number
  readonly isAnthropic: boolean
}

/** A limit without a remainder says nothing of an account. */
function windowOf(key: string, said: QuotaWords, { receivedAt, isAnthropic }: ReadingHeaders): readonly QuotaWindow[] {
  const remaining = numberIn(said.remaining)
  if (remaining === undefined) return []
  const words = key.split(/[-_]/)
  const isTokens = words.some((word) => /^token/.test(word) || word === 'ratelimitbysize')
  const length = words.map((word) => lengths.get(word)).find((each) => each !== undefined)
  return [
    {
      unit: isTokens ? 'tokens' : 'requests',
      scope: words.filter((word) => !plainWords.test(word)).join(' '),
      limit: numberIn(said.limit),
      remaining,
      lengthMs: length ?? windowIn(said.limit),
      resetAt: said.reset === undefined ? undefined : readReset(said.reset, receivedAt),
      // OpenAI's and Anthropic's limits fill up all the time, and their resets say when they are whole again
      isGradual: isAnthropic || /\d(ms|s|m|h)/.test(said.reset ?? ''),
    },
  ]
}

/** The number at the beginning: `100, 100;w=60` is 100 in an older draft of the IETF. */
function numberIn(text: string | undefined): number | undefined {
  const [digits] = /^\d{1,15}(\.\d{1,3})?/.exec(text ?? '') ?? []
  return digits === undefined ? undefined : Number(digits)
}

function windowIn(limit: string | undefined): number | undefined {
  const [, seconds] = /;\s*w=(\d{1,9})/.exec(limit ?? '') ?? []
  return seconds === undefined ? undefined : Number(seconds) * second
}

/**
 * Reads `"default";r=50;t=30` and, in an older draft, `limit=100, remaining=50, reset=30`.
 * draft-ietf-httpapi-ratelimit-headers
 */
function structured(value: string, receivedAt: number): readonly QuotaWindow[] {
  const items = value.includes('remaining=') ? [value] : (value.match(/(?:"[^"]*"|[^,"])+/g) ?? [])
  return items.flatMap((item) => {
    const of = (name: string) => numberIn(new RegExp(`(?:^|[;,\\s])${name}=\\s*(\\d+)`).exec(item)?.[1])
    const remaining = of('(?:r|remaining)')
    const seconds = of('(?:t|reset)')
    if (remaining === undefined) return []
    const scope = /"([\w .-]{1,40})"/.exec(item)?.[1] ?? ''
    const resetAt = seconds === undefined ? undefined : receivedAt + seconds * second
    const known = { limit: of('limit'), remaining, lengthMs: undefined, resetAt, isGradual: false }
    return [{ unit: /token/.test(scope) ? 'tokens' : 'requests', scope: scope === 'default' ? '' : scope, ...known }]
  })
}

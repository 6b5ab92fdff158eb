import {
  type ChainHead,
  type ChainKey,
  chainBegins,
  chainEnds,
  readSealed,
  type SealedLine,
  sealOf,
} from './log-chain.ts'

/** Where a line is. */
export interface LinePlace {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
}

/** Something that is wrong with a log, or worth knowing. */
export interface ChainFinding extends Partial<LinePlace> {
  readonly kind: 'changed' | 'missing' | 'repeated' | 'unsealed' | 'unreadable' | 'torn' | 'older' | 'keyless'
  readonly text: string
}

/** What is known of one chain. */
export interface ChainSummary extends ChainHead {
  readonly first: number
  /** Whether it has its last line. If not, the process runs or was killed, or its last lines are missing. */
  readonly isEnded: boolean
  readonly isKeyed: boolean
}

export interface ChainReport {
  readonly lines: number
  readonly chains: readonly ChainSummary[]
  /** What is wrong. */
  readonly findings: readonly ChainFinding[]
  /** What is no fault of the log, or cannot be told from one. */
  readonly notes: readonly ChainFinding[]
}

interface ChainState {
  readonly first: number
  n: number
  seal: string
  isEnded: boolean
  /** The key that its lines were sealed with, once one line has shown it. */
  key: { readonly used: ChainKey } | undefined
  changed: ChainFinding[]
}

/** Reads the lines of a log in order, and finds those that were changed, removed, repeated or added. */
export class ChainVerifier {
  readonly #keys: readonly ChainKey[]
  readonly #chains = new Map<string, ChainState>()
  readonly #findings: ChainFinding[] = []
  readonly #notes: ChainFinding[] = []
  readonly #claims: { readonly head: ChainHead; readonly place: LinePlace }[] = []
  #lines = 0
  #unsealedBefore = 0

  /** @param secretKeys the keys that the lines may be sealed with */
  constructor(secretKeys: readonly Uint8Array[]) {
    this.#keys = [...secretKeys, undefined]
  }

  add(text: string, place: LinePlace): void {
    if (text === '') return
    this.#lines++
    const sealed = readSealed(text)
    if (sealed) this.#addSealed(sealed, place)
    else this.#addUnsealed(text, place)
  }

  report(): ChainReport {
    for (const { head, place } of this.#claims) this.#checkClaim(head, place)
    for (const [chain, state] of this.#chains) this.#close(chain, state)
    if (this.#unsealedBefore > 0)
      keepSome(this.#notes, { kind: 'unsealed', text: `${this.#unsealedBefore} lines are older than the first chain` })
    const chains = [...this.#chains].map(([chain, { key, changed: _, ...state }]) => ({
      chain,
      ...state,
      isKeyed: key?.used !== undefined,
    }))
    return { lines: this.#lines, chains, findings: this.#findings, notes: this.#notes }
  }

  #addSealed(line: SealedLine, place: LinePlace): void {
    const { chain, n, seal, prev } = line
    const known = this.#chains.get(chain)
    const state = known ?? { first: n, n: n - 1, seal: prev, isEnded: false, key: undefined, changed: [] }
    this.#chains.set(chain, state)
    this.#checkSeal(line, state, place)
    if (n <= state.n) {
      keepSome(this.#findings, { kind: 'repeated', ...place, text: `line ${n} of chain ${chain} is there again` })
      return
    }
    if (n > state.n + 1)
      keepSome(this.#findings, {
        kind: 'missing',
        ...place,
        text: `before this line, ${lines(state.n + 1, n - 1)} of chain ${chain} ${n - state.n === 2 ? 'is' : 'are'} missing`,
      })
    else if (prev !== state.seal)
      keepSome(state.changed, {
        kind: 'changed',
        ...place,
        text: `line ${n} of chain ${chain} does not fit the line before it`,
      })
    state.n = n
    state.seal = seal
    this.#readMark(line, state, place)
  }

  #checkSeal({ body, seal, n, chain }: SealedLine, state: ChainState, place: LinePlace): void {
    const possible = state.key ? [state.key] : this.#keys.map((used) => ({ used }))
    const found = possible.find(({ used }) => sealOf(body, used) === seal)
    if (found) state.key ??= found
    else keepSome(state.changed, { kind: 'changed', ...place, text: `line ${n} of chain ${chain} was changed` })
  }

  /** The first line of a chain names the ends of others, and the last line says that it is the last. */
  #readMark({ body }: SealedLine, state: ChainState, place: LinePlace): void {
    if (!body.includes(chainBegins) && !body.includes(chainEnds)) return
    const { msg, after } = parse(`${body}}`)
    if (msg === chainEnds) state.isEnded = true
    if (msg !== chainBegins || !Array.isArray(after)) return
    for (const head of after) if (isHead(head)) this.#claims.push({ head, place })
  }

  #checkClaim({ chain, n }: ChainHead, place: LinePlace): void {
    const state = this.#chains.get(chain)
    if (!state)
      keepSome(this.#notes, { kind: 'older', text: `chain ${chain}, which had ${n} lines, is not in these files` })
    else if (state.n < n)
      keepSome(this.#findings, {
        kind: 'missing',
        ...place,
        text: `when this line was written, chain ${chain} had ${n} lines: ${lines(state.n + 1, n)} ${state.n + 1 === n ? 'is' : 'are'} missing`,
      })
  }

  #addUnsealed(text: string, place: LinePlace): void {
    if (this.#chains.size === 0) this.#unsealedBefore++
    else if (parse(text).msg === undefined)
      keepSome(this.#notes, {
        kind: 'torn',
        ...place,
        text: 'half a line, which a process that was killed may have left',
      })
    else
      keepSome(this.#findings, {
        kind: 'unsealed',
        ...place,
        text: 'a line without a seal: it was added, or written while LOG_CHAIN was off',
      })
  }

  #close(chain: string, { first, key, changed }: ChainState): void {
    if (!key)
      keepSome(this.#findings, {
        kind: 'unreadable',
        text: `no line of chain ${chain} fits its seal: it was sealed with another STATE_SECRET, or all of it was changed`,
      })
    else for (const finding of changed) keepSome(this.#findings, finding)
    if (first > 1)
      keepSome(this.#notes, {
        kind: 'older',
        text: `${lines(1, first - 1)} of chain ${chain}: removed by age, or by hand`,
      })
    if (key && key.used === undefined && this.#keys.length > 1)
      keepSome(this.#findings, {
        kind: 'keyless',
        text: `chain ${chain} is sealed without STATE_SECRET: it is older than the secret, or whoever can write the file has made it`,
      })
  }
}

/** Limit for the findings that are kept: with another secret each line would be one. */
const maxFindings = 1_000

function keepSome(findings: ChainFinding[], finding: ChainFinding): void {
  if (findings.length < maxFindings) findings.push(finding)
}

function lines(from: number, to: number): string {
  return from === to ? `line ${from}` : `lines ${from} to ${to}`
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : {}
  } catch {
    return {}
  }
}

function isHead(value: unknown): value is ChainHead {
  if (!isRecord(value)) return false
  const { chain, n } = value
  // whoever can write the file may have written it, and it is printed
  return typeof chain === 'string' && /^[\w-]{1,40}$/.test(chain) && Number.isSafeInteger(n)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

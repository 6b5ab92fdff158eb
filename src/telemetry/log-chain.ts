/** A text that only those know who may seal lines; without one, everybody can. */
export type ChainKey = Uint8Array | undefined

/** The last line of a chain, as far as it is known. */
export interface ChainHead {
  readonly chain: string
  /** Counted from 1. */
  readonly n: number
  readonly seal: string
}

/** The messages of the first and the last line of a chain. */
export const chainBegins = 'log chain begins'
export const chainEnds = 'log chain ends'

/** The seal that the first line of a chain names as the one before. */
const noSeal = '0'.repeat(32)

/** 128 bits, in hexadecimal digits: enough for a seal, and shorter than a whole hash. */
const sealLength = 32

/**
 * Chains the lines of one process: each has its number in the chain, the seal of the line before, and a seal of its own text,
 * which includes both. So a changed line does not fit its seal, and a missing one leaves a gap (docs/logs.md).
 */
export class LogChain {
  readonly #id: string
  readonly #key: ChainKey
  #count = 0
  #last = noSeal

  constructor(id: string, key: ChainKey) {
    this.#id = id
    this.#key = key
  }

  /** @param line a JSON object and a line feed */
  readonly seal = (line: string): string => {
    const body = `${line.slice(0, -2)},"chain":"${this.#id}","n":${++this.#count},"prev":"${this.#last}"`
    this.#last = sealOf(body, this.#key)
    return `${body},"seal":"${this.#last}"}\n`
  }
}

/** @param body a line up to its seal */
export function sealOf(body: string, key: ChainKey): string {
  return new Bun.CryptoHasher('sha256', key).update(body).digest('hex').slice(0, sealLength)
}

/** The key of the chains, made from `STATE_SECRET`, so that the same secret is not used for two things. */
export function chainKeyOf(secret: string): Uint8Array {
  return new Bun.CryptoHasher('sha256', secret).update('tributary log chain').digest()
}

/** A line of a chain, taken apart. */
export interface SealedLine extends ChainHead {
  readonly body: string
  readonly prev: string
}

const sealedForm = /^(\{.*,"chain":"([\w-]{1,40})","n":(\d{1,15}),"prev":"([0-9a-f]{32})"),"seal":"([0-9a-f]{32})"\}$/

/** @returns undefined for a line without a seal */
export function readSealed(line: string): SealedLine | undefined {
  const [, body, chain, n, prev, seal] = sealedForm.exec(line) ?? []
  if (body === undefined || chain === undefined || prev === undefined || seal === undefined) return undefined
  return { body, chain, n: Number(n), prev, seal }
}

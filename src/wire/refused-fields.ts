/** Fields at the most, and milliseconds: a server that was made newer is sent them again. */
const most = 64
const keptMs = 3_600_000
/** Models that are known to answer, at the most. */
const mostModels = 1_024

/** What an upstream has refused of that which no client had sent: it is not asked with it again, for an hour. */
export class RefusedFields {
  readonly #until = new Map<string, number>()
  readonly #now: () => number
  readonly #proven = new Set<string>()

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  get isEmpty(): boolean {
    return this.#until.size === 0
  }

  has(field: string): boolean {
    const until = this.#until.get(field)
    if (until === undefined) return false
    if (this.#now() < until) return true
    this.#until.delete(field)
    return false
  }

  add(field: string): void {
    const [oldest] = this.#until.keys()
    if (this.#until.size >= most && oldest !== undefined) this.#until.delete(oldest)
    this.#until.set(field, this.#now() + keptMs)
  }

  /** Whether a model has answered well: from then on its answers are not watched for refusals. */
  isProven(model: string): boolean {
    return this.#proven.has(model)
  }

  prove(model: string): void {
    if (this.#proven.size >= mostModels) this.#proven.clear()
    this.#proven.add(model)
  }
}

/** Shorter than this a name is a word of the language too, and counts only where it is quoted. */
const tellingLength = 7

/**
 * Whether a refusal names a field: as it is written, in another case (`streamOptions`), within a path
 * (`stream_options.include_usage`, `["body","stream_options"]`) or in prose (`stream options`).
 */
export function names(refusal: string, field: string): boolean {
  if (field.includes('_')) return plain(refusal).includes(plain(field))
  const quoted = new RegExp(`["'\`“‘\\[.(]${field}["'\`”’\\].)]`, 'i')
  return quoted.test(refusal) || (field.length >= tellingLength && new RegExp(`\\b${field}\\b`, 'i').test(refusal))
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[_\s-]/g, '')
}

/** Words for a field that is too much, whichever it is. */
const tooMuch =
  /(extra|additional) (inputs?|fields?|propert)|(unknown|unrecognized|unrecognised|unexpected|unsupported|invalid) (request )?(arguments?|fields?|parameters?|names?|keys?|keywords?|propert)|extra_forbidden/i

/** Whether a refusal complains of a field it does not know without a word on which. */
export function complainsOfAny(refusal: string): boolean {
  return tooMuch.test(refusal)
}

/** Limits for remembered fields, in number and milliseconds. Later, a server gets a field again: it may be newer. */
const most = 64
const keptMs = 3_600_000
/** Limit for the models that are known to answer. */
const mostModels = 1_024

/** Fields that the gateway adds and an upstream has refused. They are not sent to it again for an hour. */
export class RefusedFields {
  readonly #until = new Map<string, number>()
  readonly #proven = new Set<string>()

  get isEmpty(): boolean {
    return this.#until.size === 0
  }

  /** @param now milliseconds of a clock that only goes forward */
  has(field: string, now: number): boolean {
    const until = this.#until.get(field)
    if (until === undefined) return false
    if (now < until) return true
    this.#until.delete(field)
    return false
  }

  add(field: string, now: number): void {
    const [oldest] = this.#until.keys()
    if (this.#until.size >= most && oldest !== undefined) this.#until.delete(oldest)
    this.#until.set(field, now + keptMs)
  }

  /** Whether a model has answered. Its later answers are not searched for refusals. */
  isProven(model: string): boolean {
    return this.#proven.has(model)
  }

  prove(model: string): void {
    if (this.#proven.size >= mostModels) this.#proven.clear()
    this.#proven.add(model)
  }
}

/** A shorter name may be an ordinary word, so it counts only in quotes. */
const tellingLength = 7

/**
 * Whether a refusal names a field: literally, in another case (`streamOptions`), within a path
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

/** Phrases that complain of an unknown field, with or without its name. */
const tooMuch =
  /(extra|additional) (inputs?|fields?|propert)|(unknown|unrecognized|unrecognised|unexpected|unsupported|invalid) (request )?(arguments?|fields?|parameters?|names?|keys?|keywords?|propert)|extra_forbidden/i

/** Whether a refusal complains of an unknown field, even if it does not say which. */
export function complainsOfAny(refusal: string): boolean {
  return tooMuch.test(refusal)
}

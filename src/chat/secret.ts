import { gramLength, SecretIndex } from './secret-index.ts'

/** The number of secrets that share a spelling. */
const holders = new Map<string, number>()
/** The spellings of every living secret. */
const known = new SecretIndex()
const collected = new FinalizationRegistry<readonly string[]>(release)

const mask = '[secret]'

/** `inspect.custom` of `node:util`, which need not be loaded for it. */
const inspectCustom = Symbol.for('nodejs.util.inspect.custom')

/** A value that only `reveal` returns. A template, JSON, a logger and `inspect` show a mask. */
export class Secret {
  readonly #value: string

  /**
   * @param lifetime how long `redact` knows the secret: `always`, or only while it is `held`, for a token that will
   *   be replaced. It never knows a `caller's` secret. Otherwise, a caller could choose words that `redact` would cut
   *   out of texts for others
   */
  constructor(value: string, lifetime: 'always' | 'held' | "caller's" = 'always') {
    this.#value = value
    if (lifetime === "caller's") return
    const forms = formsOf(value)
    for (const form of forms) {
      holders.set(form, (holders.get(form) ?? 0) + 1)
      known.add(form)
    }
    if (lifetime === 'held') collected.register(this, forms)
  }

  /** Returns the value itself, for the wire only. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return mask
  }

  toJSON(): string {
    return mask
  }

  [inspectCustom](): string {
    return mask
  }
}

function release(forms: readonly string[]): void {
  for (const form of forms) {
    const count = (holders.get(form) ?? 1) - 1
    if (count > 0) holders.set(form, count)
    else {
      holders.delete(form)
      known.remove(form)
    }
  }
}

/** A secret under six characters would cut ordinary words out of texts, so it has no forms, and `check` warns of it. */
function formsOf(value: string): readonly string[] {
  if (value.length < gramLength) return []
  const forms = [value, JSON.stringify(value).slice(1, -1), ...urlForms(value.toWellFormed()), ...base64Forms(value)]
  return [...new Set(forms)]
}

/** Encodes a value as a path segment, with upper-case and lower-case hex digits, and as a form's field. */
function urlForms(value: string): string[] {
  const encoded = encodeURIComponent(value)
  const form = new URLSearchParams({ '': value }).toString().slice(1)
  return [encoded, encoded.replace(/%../g, (hex) => hex.toLowerCase()), form]
}

/** Minimum length of a form inside longer base64. A shorter one might stand in any text. */
const minMiddle = 8

/** Encodes a value alone, and inside a longer text such as `user:secret`, where it begins at one of three places of a group. */
function base64Forms(value: string): string[] {
  const alone = Buffer.from(value).toString('base64').replace(/=+$/, '')
  const middles = [0, 1, 2].map((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)])
    // only the characters that consist of the secret's own bits
    return bytes.toString('base64').slice(Math.ceil((offset * 8) / 6), Math.floor((bytes.length * 8) / 6))
  })
  const forms = [alone, ...middles.filter(({ length }) => length >= minMiddle)]
  return [...forms, ...forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))]
}

/** Treats the values in a query whose names look like those of keys as secrets from now on. */
export function hideKeysIn(query: URLSearchParams): void {
  for (const [name, value] of query) {
    if (/key|token|secret|auth|pass|profile|sig/i.test(name)) new Secret(value)
  }
}

/**
 * Cuts every known secret out of the text, also if it is URL-encoded, base64-encoded (alone or inside more) or JSON-escaped.
 * The cost does not depend on the number of secrets.
 */
export function redact(text: string): string {
  return known.replaceAll(text, mask)
}

/**
 * Returns the text's first characters. It redacts before it cuts, because `redact` would not find half a secret afterwards.
 * It does not redact a text that is short enough. It reads only as much of a long text as it needs.
 */
export function excerpt(text: string, length: number): string {
  if (text.length <= length) return text
  // a secret that is cut in two at the end of the slice lies within this margin
  const margin = 2 * known.longest
  for (let size = length + margin; size < text.length; size *= 2) {
    const redacted = redact(text.slice(0, size))
    if (redacted.length - margin >= length) return redacted.slice(0, length)
  }
  return redact(text).slice(0, length)
}

import { inspect } from 'node:util'
import { gramLength, SecretIndex } from './secret-index.ts'

/** How many secrets there are that are spelled so somewhere. */
const holders = new Map<string, number>()
/** The spellings of every living secret. */
const known = new SecretIndex()
const left = new FinalizationRegistry<readonly string[]>(release)

const mask = '[secret]'

/** A value that shows itself to nobody who does not say `reveal`: not to a template, JSON, a logger or `inspect`. */
export class Secret {
  readonly #value: string

  /**
   * @param lifetime a secret is known for `always`; one that is replaced one day, as a token is, only while it is `held`:
   * tokens come and go for months. One that is a `caller's` is not known at all, or each caller could have words of its
   * choice cut out of what others read
   */
  constructor(value: string, lifetime: 'always' | 'held' | "caller's" = 'always') {
    this.#value = value
    if (lifetime === "caller's") return
    const forms = formsOf(value)
    for (const form of forms) {
      holders.set(form, (holders.get(form) ?? 0) + 1)
      known.add(form)
    }
    if (lifetime === 'held') left.register(this, forms)
  }

  /** The value itself, for the wire only. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return mask
  }

  toJSON(): string {
    return mask
  }

  [inspect.custom](): string {
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

/** Under six characters a secret would cut ordinary words out of every text: `check` warns of such a key instead. */
function formsOf(value: string): readonly string[] {
  if (value.length < gramLength) return []
  const forms = [value, JSON.stringify(value).slice(1, -1), ...urlForms(value.toWellFormed()), ...base64Forms(value)]
  return [...new Set(forms)]
}

/** As a path segment, in either case of the hex digits, and as a form's field. */
function urlForms(value: string): string[] {
  const encoded = encodeURIComponent(value)
  const form = new URLSearchParams({ '': value }).toString().slice(1)
  return [encoded, encoded.replace(/%../g, (hex) => hex.toLowerCase()), form]
}

/** Shorter than this, what a secret makes of the middle of a longer base64 might stand in any text. */
const minMiddle = 8

/** By itself, and within something longer, such as `user:secret`: there it begins at one of three places of a group. */
function base64Forms(value: string): string[] {
  const alone = Buffer.from(value).toString('base64').replace(/=+$/, '')
  const middles = [0, 1, 2].map((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)])
    // only the characters that are made of nothing but the secret's own bits
    return bytes.toString('base64').slice(Math.ceil((offset * 8) / 6), Math.floor((bytes.length * 8) / 6))
  })
  const forms = [alone, ...middles.filter(({ length }) => length >= minMiddle)]
  return [...forms, ...forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))]
}

/**
 * The text with every known secret cut out, also where it stands URL-encoded, base64-encoded (alone or within more) or
 * JSON-escaped. It costs the same for one secret and for thousands.
 */
export function redact(text: string): string {
  return known.replaceAll(text, mask)
}

/**
 * The text's first characters. A secret that is cut in two would not be known for one by `redact` afterwards, so none
 * is cut; one that stands in a text short enough is left to it. Of a long text no more is looked at than is needed.
 */
export function excerpt(text: string, length: number): string {
  if (text.length <= length) return text
  // a secret that is cut in two at the end of what is looked at lies within these
  const margin = 2 * known.longest
  for (let size = length + margin; size < text.length; size *= 2) {
    const redacted = redact(text.slice(0, size))
    if (redacted.length - margin >= length) return redacted.slice(0, length)
  }
  return redact(text).slice(0, length)
}

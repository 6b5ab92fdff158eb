import { inspect } from 'node:util'

/** Every secret of the process, longest first, so that one inside another leaves no rest behind. */
let known: string[] = []

const mask = '[secret]'

/** A value that shows itself to nobody who does not say `reveal`: not to a template, JSON, a logger or `inspect`. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
    remember(value)
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

/** Under six characters a secret would cut ordinary words out of every text: `check` warns of such a key instead. */
function remember(value: string): void {
  if (value.length < 6) return
  const forms = [
    value,
    encodeURIComponent(value),
    btoa(unescape(encodeURIComponent(value))).replace(/=+$/, ''),
    JSON.stringify(value).slice(1, -1),
  ]
  known = [...new Set([...known, ...forms])].sort((a, b) => b.length - a.length)
}

/** The text with every known secret cut out, also where it stands URL-encoded, base64-encoded or JSON-escaped. */
export function redact(text: string): string {
  return known.reduce((rest, secret) => (rest.includes(secret) ? rest.replaceAll(secret, mask) : rest), text)
}

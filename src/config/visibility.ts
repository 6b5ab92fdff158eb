/** Variables whose texts contain no secret. Other texts may contain one, and so may the values for tool servers. */
const plainTexts = [
  'HOST',
  'STATE_URL',
  'STATE_DIRECTORY',
  'NOTIFY_SOCKET',
  'OLLAMA_HOST',
  'LANGFAST_PROMPT_ID',
  'CTO_PROTOCOL',
  'CLERK_API_VERSION',
  'ROUTES',
  'ALIASES',
  'SUMMARY_MODEL',
  'CHAT_MODEL',
  'PRICES_FILE',
  'LOG_FILE',
  'UPSTREAM_USER_AGENT',
]

/** Which values of variables may be shown. */
export class Visibility {
  readonly #hidden = new Set<string>()
  readonly #shown = new Set<string>(plainTexts)

  /** Marks a value as one that is or may contain a secret. It wins over `show`. */
  hide(name: string): void {
    this.#hidden.add(name)
  }

  /** Marks a value as one that contains no secret. */
  show(name: string): void {
    this.#shown.add(name)
  }

  isHidden(name: string): boolean {
    return this.#hidden.has(name)
  }

  /** Whether a value may be shown. A URL with a user or a query may not, because either may contain a key. */
  mayShow(name: string, value: string): boolean {
    if (this.#hidden.has(name)) return false
    return this.#shown.has(name) || (name.endsWith('_URL') && /^https?:\/\/[^@?#\s]+$/.test(value))
  }
}

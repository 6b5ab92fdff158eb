/** An object of another program's settings, whose members are unread. */
export type ForeignFields = Readonly<Record<string, unknown>>

export function isForeignFields(value: unknown): value is ForeignFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text that is not empty. */
export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The variable that `os.environ/NAME` stands for in LiteLLM's settings. */
export function variableIn(text: string): string | undefined {
  return /^os\.environ\/(\w+)$/.exec(text)?.[1]
}

/** The names of a text that has commas between them. */
export function namesIn(value: unknown): readonly string[] {
  return (textIn(value) ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
}

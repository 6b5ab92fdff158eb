import { type GatewayAddress, keyVariable } from './client.ts'

/**
 * A text as JSON, YAML, TOML, Python and JavaScript write it alike: in double quotes, with every character escaped that one of them
 * would not take.
 */
export function quoted(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Quotes a text for a POSIX shell: within single quotes, only a single quote has a meaning. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** A word of a POSIX shell, in quotes if it needs them. */
export function shellWord(text: string): string {
  return isPlain(text) ? text : shellQuote(text)
}

/** A value of a `.env` file. No escapes are common to those who read it, so a quote that the text does not have is used. */
export function envValue(text: string): string {
  if (isPlain(text)) return text
  const quote = ["'", '"', '`'].find((mark) => !text.includes(mark)) ?? "'"
  return `${quote}${text}${quote}`
}

function isPlain(text: string): boolean {
  return /^[\w@%+:,./-]+$/.test(text)
}

/** The key as a word of a shell. */
export function shellKey({ key }: GatewayAddress, before = ''): string {
  return key === undefined ? `"${before}$${keyVariable}"` : shellWord(before + key)
}

/** The key as an expression of JavaScript. */
export function scriptKey({ key }: GatewayAddress): string {
  return key === undefined ? `process.env.${keyVariable}` : quoted(key)
}

/** The key as an expression of Python, which needs `import os` if it is a variable. */
export function pythonKey({ key }: GatewayAddress): string {
  return key === undefined ? `os.environ["${keyVariable}"]` : quoted(key)
}

/** The key as a person types it into a field. */
export function typedKey({ key }: GatewayAddress): string {
  return key ?? `the value of ${keyVariable}`
}

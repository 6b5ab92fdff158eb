/**
 * Writes a line of `.env` that is read back as the same value.
 * @returns undefined for a value that no such line can have
 */
export function envLine(name: string, value: string): string | undefined {
  if (/^[\w./:@%?=&,+-]+$/.test(value)) return `${name}=${value}`
  if (/[\p{Cc}\p{Cs}]/u.test(value)) return undefined
  const quote = ["'", '"', '`'].find((one) => canQuote(value, one))
  return quote === undefined ? undefined : `${name}=${quote}${value}${quote}`
}

/** A quote after a backslash does not end the value, and only double quotes know other signs after one. */
function canQuote(value: string, quote: string): boolean {
  return !value.includes(quote) && !value.endsWith('\\') && !(quote === '"' && value.includes('\\'))
}

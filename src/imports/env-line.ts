/** Writes a line of `.env` that is read back as the same value. */
export function envLine(name: string, value: string): string {
  const quote = ["'", '"', '`'].find((one) => !value.includes(one) && !(one === '"' && value.includes('\\')))
  return quote === undefined || /^[\w./:@%?=&,+-]+$/.test(value)
    ? `${name}=${value}`
    : `${name}=${quote}${value}${quote}`
}

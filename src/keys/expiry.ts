/** Reads a time, or a date, whose end by UTC is meant. @returns milliseconds since 1970; undefined for another text */
export function readExpiry(text: string): number | undefined {
  const written = text.trim()
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(written)) return undefined
  const isDate = written.length === 10
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(written.slice(10))
  const at = Date.parse(isDate || hasZone ? written : `${written}Z`)
  return Number.isNaN(at) ? undefined : isDate ? at + dayMs : at
}

const dayMs = 86_400_000

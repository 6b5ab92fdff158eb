/** What stands for a character after a backslash. */
export const escapedSigns: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
}

const words: ReadonlyMap<string, string> = new Map([
  ['true', 'true'],
  ['True', 'true'],
  ['TRUE', 'true'],
  ['false', 'false'],
  ['False', 'false'],
  ['FALSE', 'false'],
  ['null', 'null'],
  ['None', 'null'],
  ['nil', 'null'],
  ['undefined', 'null'],
  ['NaN', 'null'],
])

/** The JSON of a word without quotes; undefined if it is a text. */
export function literalOf(word: string): string | undefined {
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(word)) return word
  if (/^[+-]?[\d_]*\.?\d+$/.test(word)) {
    const number = Number(word.replaceAll('_', ''))
    if (Number.isFinite(number)) return String(number)
  }
  return words.get(word)
}

/** A line of a stream that says nothing to us: a comment, or a field for a reader that reconnects. */
export function isSilentLine(line: string): boolean {
  return line.startsWith(':') || line.startsWith('id:') || line.startsWith('retry:')
}

/** A line that begins an object, or a list of what replies have lists of. A log's `[12:00] …` is none. */
export function isBareJson(line: string): boolean {
  return /^\s*(\{|\[\s*([{[\]]|$)|\[done\])/i.test(line)
}

export interface OddField {
  readonly name: 'data' | 'event' | 'error'
  readonly value: string
}

/** A field as the standard does not have it: with blanks before it, in capitals, or llama.cpp's `error`. */
export function readOddField(line: string): OddField | undefined {
  const [, name = '', value = ''] = /^\s*(data|event|error)\s*: ?(.*)$/is.exec(line) ?? []
  switch (name.toLowerCase()) {
    case 'data':
      return { name: 'data', value }
    case 'event':
      return { name: 'event', value }
    case 'error':
      return { name: 'error', value }
    default:
      return undefined
  }
}

/** Whether data begins as an object or a list. */
export function beginsJson(data: string): boolean {
  const first = data.charCodeAt(0)
  return first === 0x7b || first === 0x5b || (first <= 0x20 && /^\s*[{[]/.test(data))
}

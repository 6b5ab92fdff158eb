/** Whether a line of a stream can be ignored: a comment, or a field for readers that reconnect. */
export function isSilentLine(line: string): boolean {
  return line.startsWith(':') || line.startsWith('id:') || line.startsWith('retry:')
}

/** Whether a line begins a JSON object, or a list as replies have them. A log line such as `[12:00] …` does not. */
export function isBareJson(line: string): boolean {
  return /^\s*(\{|\[\s*([{[\]]|$)|\[done\])/i.test(line)
}

export interface OddField {
  readonly name: 'data' | 'event' | 'error'
  readonly value: string
}

/** Reads a field that does not follow the standard: with blanks before it, in capitals, or llama.cpp's `error`. */
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

/** Whether data begins like a JSON object or list. */
export function beginsJson(data: string): boolean {
  const first = data.charCodeAt(0)
  return first === 0x7b || first === 0x5b || (first <= 0x20 && /^\s*[{[]/.test(data))
}

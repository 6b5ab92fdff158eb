/** The kind of a line of an event stream. WHATWG HTML, 9.2.6 */
export function kindOfLine(line: string): 'end' | 'comment' | 'data' | 'other' {
  if (line === '') return 'end'
  if (line.startsWith(':')) return 'comment'
  return line.startsWith('data:') ? 'data' : 'other'
}

/** The value of a line such as `data: {}`. */
export function valueOfLine(line: string): string {
  const value = line.slice(line.indexOf(':') + 1)
  return value.startsWith(' ') ? value.slice(1) : value
}

/** The id among an event's lines; a client resumes the stream after it. */
export function idOfEvent(lines: readonly string[]): string | undefined {
  const line = lines.findLast((one) => one.startsWith('id:'))
  return line === undefined ? undefined : valueOfLine(line)
}

/** Writes an event from its data and its other lines, which stay unchanged; an empty text if there are neither. */
export function formatEvent(others: readonly string[], data: string | undefined): string {
  const lines = [...others, ...(data === undefined ? [] : data.split('\n').map((line) => `data: ${line}`))]
  return lines.length === 0 ? '' : `${lines.join('\n')}\n\n`
}

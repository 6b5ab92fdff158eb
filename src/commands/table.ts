/** Characters below which no column is narrowed. */
const narrowest = 12
const gap = '  '

/**
 * Rows under a head, in columns as wide as they need to be.
 * @param width characters a line has at most, where there is such a limit: the widest columns are narrowed, and wrap
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const cells = [head, ...rows].map((row) => row.map(printable))
  const natural = head.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  const widths = narrowed(natural, width - gap.length * (head.length - 1))
  return cells.map((row) => rowLines(row, widths)).join('')
}

/** On one line, whatever it is: what an upstream says could move the cursor. */
function printable(cell: string): string {
  return cell.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}

function narrowed(natural: readonly number[], room: number): readonly number[] {
  const widths = [...natural]
  for (let excess = widths.reduce((sum, width) => sum + width, 0) - room; excess > 0; excess--) {
    const widest = Math.max(...widths)
    if (widest <= narrowest) break
    widths[widths.lastIndexOf(widest)] = widest - 1
  }
  return widths
}

function rowLines(row: readonly string[], widths: readonly number[]): string {
  const columns = row.map((cell, at) => wrapped(cell, widths[at] ?? cell.length))
  const height = Math.max(...columns.map((lines) => lines.length))
  return Array.from({ length: height }, (_, line) => {
    const padded = columns.map((lines, at) => (lines[line] ?? '').padEnd(widths[at] ?? 0))
    return `${padded.join(gap).trimEnd()}\n`
  }).join('')
}

/** The text in lines of so many characters, broken between words where that is possible. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > 0 ? space : width
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, rest]
}

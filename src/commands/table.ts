/** No column is made narrower than this number of characters. */
const narrowest = 12
const gap = '  '

/**
 * A table with a head, whose columns are as wide as their texts.
 * @param width limit for the characters of a line, if there is one: the widest columns are narrowed, and their texts
 *   wrapped
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const cells = [head, ...rows].map((row) => row.map(printable))
  const natural = head.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  const widths = narrowColumns(natural, width - gap.length * (head.length - 1))
  return cells.map((row) => rowLines(row, widths)).join('')
}

/** Makes a text safe to print on one line: an upstream's text may contain characters that move the cursor. */
function printable(cell: string): string {
  return cell.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}

function narrowColumns(natural: readonly number[], room: number): readonly number[] {
  const widths = [...natural]
  for (let excess = widths.reduce((sum, width) => sum + width, 0) - room; excess > 0; excess--) {
    const widest = Math.max(...widths)
    if (widest <= narrowest) break
    widths[widths.lastIndexOf(widest)] = widest - 1
  }
  return widths
}

function rowLines(row: readonly string[], widths: readonly number[]): string {
  const columns = row.map((cell, at) => wrapText(cell, widths[at] ?? cell.length))
  const height = Math.max(...columns.map((lines) => lines.length))
  return Array.from({ length: height }, (_, line) => {
    const padded = columns.map((lines, at) => (lines[line] ?? '').padEnd(widths[at] ?? 0))
    return `${padded.join(gap).trimEnd()}\n`
  }).join('')
}

/** Wraps a text to lines of at most `width` characters, between words if possible. */
function wrapText(text: string, width: number): readonly string[] {
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

import type { Row } from './figure.ts'

/** Writes the rows as a Markdown table, with padding so that it is readable in a terminal too. */
export function markdownTable(rows: readonly Row[], targets: readonly string[]): string {
  const header = ['figure', ...targets, 'must', 'aim', 'met?']
  const lines: readonly (readonly string[])[] = [header, ...rows.map((row) => cells(row, targets))]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const print = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return lines.map(print).toSpliced(1, 0, rule).join('\n')
}

function cells({ figure, values, must = '–', aim = '–', isMet }: Row, targets: readonly string[]): readonly string[] {
  const met = isMet === undefined ? '–' : isMet ? 'yes' : 'no'
  return [figure, ...targets.map((target) => values.get(target) ?? '–'), must, aim, met]
}

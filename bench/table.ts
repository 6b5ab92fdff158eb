import type { Row } from './figure.ts'

const header = ['figure', 'direct', 'pass-through', 'tributary', 'ratio or difference', 'target', 'met?'] as const

/** Writes the rows as a Markdown table, with padding so that it is readable in a terminal too. */
export function markdownTable(rows: readonly Row[]): string {
  const lines: readonly (readonly string[])[] = [header, ...rows.map(cells)]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const print = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return lines.map(print).toSpliced(1, 0, rule).join('\n')
}

function cells(row: Row): readonly string[] {
  const met = row.isMet === undefined ? '–' : row.isMet ? 'yes' : 'no'
  const { figure, direct = '–', passThrough = '–', tributary, comparison = '–', target = '–' } = row
  return [figure, direct, passThrough, tributary, comparison, target, met]
}

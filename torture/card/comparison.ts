import type { Result, Section } from '../suite/check.ts'
import { type Card, percentOf, resultsOf, scoreOf } from './card.ts'

const mostNote = 140

/** Several score cards as a table of sections, and a list of what failed for each gateway. */
export function comparison(cards: readonly Card[], sections: readonly Section[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const cellOf = (results: readonly Result[]) => {
    const score = scoreOf(results)
    const made = score.passed + score.failed
    return made === 0 ? '–' : `${score.passed}/${made} ${percentOf(score)}`
  }
  const rows = sections.map((section) => [
    `\`${section.name}\``,
    ...cards.map((card) => cellOf(resultsOf(section, card.results))),
  ])
  return [
    row(['section', ...cards.map(({ gateway }) => gateway)]),
    row(['---', ...cards.map(() => '---')]),
    ...rows.map(row),
    row(['all', ...cards.map((card) => cellOf(card.results.filter(({ check }) => check.includes('/'))))]),
    ...cards.flatMap(failures),
    '',
  ].join('\n')
}

function failures(card: Card): readonly string[] {
  const failed = card.results.filter(({ outcome }) => outcome === 'fail')
  const byCheck = [...Map.groupBy(failed, ({ check }) => check)]
  if (byCheck.length === 0) return []
  return [
    `\n### ${card.gateway} ${card.version}\n`,
    `${card.date}, \`${card.command}\`: ${byCheck.length} claims failed.\n`,
    ...byCheck.map(([check, results]) => {
      const lanes = results.map(({ lane }) => lane).join(', ')
      return `- \`${check}\` (${lanes}): ${shortened(results[0]?.note ?? '')}`
    }),
  ]
}

/** A note on one line. What it quotes may be anything, so nothing of it is read as Markdown. */
function shortened(note: string): string {
  const line = note.replace(/\s+/g, ' ').replace(/[<>*_`|[\]\\]/g, (mark) => `\\${mark}`)
  return line.length > mostNote ? `${line.slice(0, mostNote)}…` : line
}

import type { Result, Section } from '../suite/check.ts'
import { type Card, percentOf, resultsOf, scoreOf } from './card.ts'

/** The score card as a section of a document. */
export function markdownCard(card: Card, sections: readonly Section[]): string {
  const rows = sections.flatMap((section) => {
    const results = resultsOf(section, card.results)
    const score = scoreOf(results)
    if (results.length === 0) return []
    return [
      `| ${section.title} | ${score.passed}/${score.passed + score.failed} | ${percentOf(score)} | ${failedOf(results)} |`,
    ]
  })
  const whole = scoreOf(card.results)
  return [
    `## ${card.gateway} ${card.version}`,
    '',
    `${card.date}, \`${card.command}\`: ${whole.passed} of ${whole.passed + whole.failed} points (${percentOf(whole)}), ${whole.skipped} not made.`,
    '',
    '| section | points | | failed |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...card.results.filter(({ outcome }) => outcome === 'fail').flatMap(details),
  ].join('\n')
}

/** The checks that failed, each with its lanes. */
function failedOf(results: readonly Result[]): string {
  const lanes = Map.groupBy(
    results.filter(({ outcome }) => outcome === 'fail'),
    ({ check }) => check,
  )
  return (
    [...lanes].map(([check, failed]) => `\`${check}\` (${failed.map(({ lane }) => lane).join(', ')})`).join('; ') || '–'
  )
}

function details({ check, lane, note, evidence }: Result): readonly string[] {
  const parts = evidence
    ? [
        ['client sent', evidence.clientSent],
        ...evidence.upstreamGot.map((text) => ['upstream got', text]),
        ...evidence.upstreamSent.map((text) => ['upstream sent', text]),
        ['client got', evidence.clientGot],
      ]
    : []
  const blocks = parts.map(([title, text = '']) => `${title}:\n\n${fenced(text)}\n`)
  return [
    `<details><summary><code>${check}</code>, ${lane}: ${escaped(note ?? '')}</summary>\n`,
    ...blocks,
    '</details>',
    '',
  ]
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text.replaceAll('\r', '').trimEnd()}\n${fence}`
}

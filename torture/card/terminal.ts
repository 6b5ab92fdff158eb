import type { Result, Section } from '../suite/check.ts'
import { type Card, checkOf, percentOf, resultsOf, scoreOf } from './card.ts'

const marks = { pass: 'ok  ', fail: 'FAIL', skip: 'skip' } as const

/** One line for a result, as soon as it is there. */
export function resultLine({ check, lane, outcome, note, ms }: Result): string {
  return `${marks[outcome]}  ${check.padEnd(34)} ${lane.padEnd(24)} ${`${ms} ms`.padStart(9)}${note ? `  ${note}` : ''}`
}

/** The score card: a line for each section, then what failed and the bytes that show it. */
export function terminalCard(card: Card, sections: readonly Section[]): string {
  const lines = sections.flatMap((section) => {
    const score = scoreOf(resultsOf(section, card.results))
    if (score.passed + score.failed + score.skipped === 0) return []
    return [
      `${section.title.padEnd(44)} ${`${score.passed}/${score.passed + score.failed}`.padStart(9)}  ${percentOf(score).padStart(6)}`,
    ]
  })
  const whole = scoreOf(card.results)
  const failures = card.results.filter(({ outcome }) => outcome === 'fail').map((result) => failureOf(result, sections))
  return [
    `\n${card.gateway} ${card.version}, ${card.date}`,
    ...lines,
    `${'All'.padEnd(44)} ${`${whole.passed}/${whole.passed + whole.failed}`.padStart(9)}  ${percentOf(whole).padStart(6)}  (${whole.skipped} not made)`,
    ...failures,
  ].join('\n')
}

function failureOf(result: Result, sections: readonly Section[]): string {
  const { check, lane, note, evidence } = result
  const claim = checkOf(sections, check)?.claim ?? ''
  const shown = evidence
    ? [
        ['client sent', evidence.clientSent],
        ...evidence.upstreamGot.map((text, at) => [`upstream got (attempt ${at + 1})`, text]),
        ...evidence.upstreamSent.map((text, at) => [`upstream sent (attempt ${at + 1})`, text]),
        ['client got', evidence.clientGot],
      ]
    : []
  const blocks = shown.map(([title, text = '']) => `  -- ${title}\n${indented(text)}`)
  return [`\nFAIL ${check} (${lane}): ${claim}`, `  ${note ?? ''}`, ...blocks].join('\n')
}

const indented = (text: string): string =>
  text
    .replaceAll('\r', '')
    .trimEnd()
    .split('\n')
    .map((line) => `     ${line}`)
    .join('\n')

import type { Check, Result, Section } from '../suite/check.ts'

/** The outcome of a run. */
export interface Card {
  readonly gateway: string
  readonly version: string
  /** ISO 8601. */
  readonly date: string
  readonly command: string
  readonly results: readonly Result[]
}

export interface Score {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export function scoreOf(results: readonly Result[]): Score {
  const count = (outcome: Result['outcome']) => results.filter((result) => result.outcome === outcome).length
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') }
}

export const resultsOf = (section: Section, results: readonly Result[]): readonly Result[] =>
  results.filter(({ check }) => section.checks.some(({ id }) => id === check))

export const checkOf = (sections: readonly Section[], id: string): Check | undefined =>
  sections.flatMap(({ checks }) => checks).find((check) => check.id === id)

export const percentOf = ({ passed, failed }: Score): string =>
  passed + failed === 0 ? '–' : `${Math.floor((100 * passed) / (passed + failed))} %`

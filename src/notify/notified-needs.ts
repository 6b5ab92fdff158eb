import type { NeedKind, NeedSubject, Severity } from '../needs/need.ts'
import type { News } from './news.ts'

/**
 * How far the telling of a need has come. `opening`: one process has taken it on itself to tell it. `open`: it was told. `closing`: it
 * is over, and one process tells that. `closed`: that was told, or is not worth telling; the same need is quiet for some time.
 */
export type Step = 'opening' | 'open' | 'closing' | 'closed'

/** A need that is or was told. All processes of a state share these. */
export interface NotifiedNeed {
  readonly step: Step
  /** The process that tells it. */
  readonly by: string
  /** Raised from time to time by those who see the need, and by the one who tells it: while it changes, the entry is alive. */
  readonly beat: number
  /** How often it has come back lately, counted from 1. */
  readonly times: number
  readonly kind: NeedKind
  readonly severity: Severity
  readonly about: NeedSubject
  readonly sentence: string
  /** When it began, and when it was over. Milliseconds since 1970 */
  readonly since: number
  readonly endedAt?: number
}

/** By the id of the need. */
export type NotifiedNeeds = ReadonlyMap<string, NotifiedNeed>

/** Limit for the needs that are told at the same time. */
export const maxNotified = 200

export function encodeRecord(record: NotifiedNeeds): string {
  return JSON.stringify(Object.fromEntries(record))
}

/** The text was written by this program. A later version may have more members. */
export function decodeRecord(text: string): NotifiedNeeds {
  const entries: Readonly<Record<string, NotifiedNeed>> = JSON.parse(text)
  return new Map(Object.entries(entries))
}

/** What an entry says to people. */
export function newsOf(id: string, told: NotifiedNeed): News {
  const { kind, severity, about, sentence, since, endedAt } = told
  const shared = { id, kind, severity, about, sentence, since }
  return told.step === 'opening' || endedAt === undefined
    ? { ...shared, state: 'begun' }
    : { ...shared, state: 'over', endedAt }
}

import type { Need, NeedKind, Severity } from '../needs/need.ts'
import { maxNotified, type NotifiedNeed, type NotifiedNeeds } from './notified-needs.ts'
import { sentenceOf } from './sentence.ts'

/** What one process knows when it looks. */
export interface View {
  /** The needs that this process sees, the worst first. */
  readonly needs: ReadonlyMap<string, Need>
  /** Whether a need is bad enough to be told. One that was told stays told while it is less bad. */
  isWorthTelling(need: Need): boolean
  /** This process. */
  readonly me: string
  /** Milliseconds since 1970. */
  readonly now: number
  /** Milliseconds for which this process has not seen the entry change. */
  unchangedMs(id: string): number
  /** Milliseconds since this process began to look. */
  readonly lookedForMs: number
  /** Whether the places were told what the entry says. */
  isDelivered(id: string, told: NotifiedNeed): boolean
  /** Whether at least one of the places was. */
  isToldSomewhere(id: string, told: NotifiedNeed): boolean
}

/** How long an entry may be unchanged until somebody who sees the need raises its beat. */
const beatMs = 45_000
/** How long an entry may be unchanged until its teller counts as dead. */
const deadMs = 120_000
/** For how long nobody may see a need until it is over. */
const overMs = 90_000
/** The same for accounts that are only known to be well after a request, and for a process that has just begun and knows little. */
const unsureMs = 600_000
/** How long a need is quiet after it was over, doubled each time it comes back soon. */
const quietMs = 3_600_000
const maxQuietMs = 24 * quietMs

const unsureKinds: ReadonlySet<NeedKind> = new Set(['account_refused', 'account_challenged', 'account_exhausted'])
/** Their end is no news: they pass by themselves, or become something worse. */
const endless: ReadonlySet<NeedKind> = new Set(['budget_near', 'account_expires_soon', 'drift', 'key_expired'])

/** The record after this look. It is the same object if nothing has changed. */
export function planNext(record: NotifiedNeeds, view: View): NotifiedNeeds {
  const next = new Map<string, NotifiedNeed>()
  let isChanged = false
  for (const [id, told] of record) {
    const need = view.needs.get(id)
    const after = need ? seen(id, told, { need, view }) : unseen(id, told, { record, view })
    if (after) next.set(id, after)
    isChanged ||= after !== told
  }
  for (const [id, need] of view.needs) {
    if (record.has(id) || next.size >= maxNotified || !view.isWorthTelling(need)) continue
    next.set(id, begin(need, view.me, 1))
    isChanged = true
  }
  return isChanged ? next : record
}

function begin(need: Need, by: string, times: number): NotifiedNeed {
  const { kind, severity, about, since } = need
  return { step: 'opening', by, beat: 0, times, kind, severity, about, sentence: sentenceOf(need), since }
}

const severities: readonly Severity[] = ['note', 'warning', 'urgent']

interface Seen {
  readonly need: Need
  readonly view: View
}

/** What becomes of an entry whose need this process sees. */
function seen(id: string, told: NotifiedNeed, { need, view }: Seen): NotifiedNeed | undefined {
  const { me, now } = view
  const isMine = told.by === me
  const isWorse = severities.indexOf(need.severity) > severities.indexOf(told.severity)
  switch (told.step) {
    case 'opening':
      if (isMine && view.isDelivered(id, told)) return { ...told, step: 'open' }
      if (isMine) return beaten(id, told, view)
      return view.unchangedMs(id) > deadMs ? begin(need, me, told.times) : told
    case 'open':
      return isWorse && view.isWorthTelling(need) ? begin(need, me, told.times) : beaten(id, told, view)
    case 'closing':
      return { ...withoutEnd(told), step: 'open', beat: told.beat + 1 }
    case 'closed':
      return isQuiet(told, now) || !view.isWorthTelling(need) ? told : begin(need, me, told.times + 1)
  }
}

interface Unseen {
  readonly record: NotifiedNeeds
  readonly view: View
}

/** What becomes of an entry whose need this process does not see. Another one may see it. */
function unseen(id: string, told: NotifiedNeed, { record, view }: Unseen): NotifiedNeed | undefined {
  const { me, now } = view
  const isMine = told.by === me
  const unchangedMs = view.unchangedMs(id)
  switch (told.step) {
    case 'opening':
      // a place that was told waits for the end, also while another one does not answer
      if (isMine && view.isToldSomewhere(id, told)) return { ...told, step: 'open' }
      // it was not told, so its end is no news; another process that sees it begins anew
      return isMine || unchangedMs > deadMs ? undefined : told
    case 'open':
      if (unchangedMs < unseenLimitMs(told, view)) return told
      return { ...told, step: isEndNews(id, told, record) ? 'closing' : 'closed', by: me, endedAt: now }
    case 'closing':
      if (isMine) return view.isDelivered(id, told) ? { ...told, step: 'closed' } : beaten(id, told, view)
      return unchangedMs > deadMs ? { ...told, by: me } : told
    case 'closed':
      return now >= (told.endedAt ?? 0) + 2 * quietFor(told) ? undefined : told
  }
}

function unseenLimitMs({ kind }: NotifiedNeed, { lookedForMs }: View): number {
  return unsureKinds.has(kind) || lookedForMs < unsureMs ? unsureMs : overMs
}

/** The end of one need is no news while the same thing has another. */
function isEndNews(id: string, { kind, about }: NotifiedNeed, record: NotifiedNeeds): boolean {
  if (endless.has(kind)) return false
  const subject = subjectOf(about)
  if (subject === '') return true
  return !record
    .entries()
    .some(([other, { step, about }]) => other !== id && step !== 'closed' && subjectOf(about) === subject)
}

function subjectOf({ upstream, account, model, toolServer, key }: NotifiedNeed['about']): string {
  const parts = [upstream, account, model, toolServer, key].filter((part) => part !== undefined)
  return parts.length === 0 ? '' : JSON.stringify(parts)
}

function beaten(id: string, told: NotifiedNeed, view: View): NotifiedNeed {
  return view.unchangedMs(id) > beatMs ? { ...told, beat: told.beat + 1 } : told
}

function withoutEnd({ endedAt: _endedAt, ...told }: NotifiedNeed): NotifiedNeed {
  return told
}

function isQuiet(told: NotifiedNeed, now: number): boolean {
  return now < (told.endedAt ?? 0) + quietFor(told)
}

function quietFor({ times }: NotifiedNeed): number {
  return Math.min(quietMs * 2 ** (times - 1), maxQuietMs)
}

import { type FoundNeed, type Need, needKinds, type Severity } from './need.ts'

interface KnownFinding {
  readonly foundAt: number
  readonly since: number
}

const severities: readonly Severity[] = ['urgent', 'warning', 'note']

/** Remembers since when each finding has lasted. It forgets what a look does not find any more. */
export class LastingNeeds {
  #known: ReadonlyMap<string, KnownFinding> = new Map()

  /** Notes the findings of one look. @param now milliseconds since 1970 @returns the needs, the worst first */
  note(findings: readonly FoundNeed[], now: number): readonly Need[] {
    const known = new Map<string, KnownFinding>()
    const needs: Need[] = []
    for (const { since, settlesWithinMs = 0, ...finding } of findings) {
      const id = idOf(finding)
      // two findings with one id say the same
      if (known.has(id)) continue
      const before = this.#known.get(id)
      const foundAt = before?.foundAt ?? now
      const began = { foundAt, since: before?.since ?? Math.min(since ?? now, now) }
      known.set(id, began)
      if (now - foundAt >= settlesWithinMs) needs.push({ id, since: began.since, ...finding })
    }
    this.#known = known
    return needs.sort(byWorst)
  }
}

/** The kind and the subject. A sentence for people names them too, so they are no secret. */
function idOf({ kind, about }: Pick<FoundNeed, 'kind' | 'about'>): string {
  const { upstream, account, model, toolServer, key, variable } = about
  // the model and the upstream of a client's requests may be others at each look
  const parts = key === undefined ? [upstream, account, model, toolServer, variable] : [key]
  return [kind, ...parts.filter((part) => part !== undefined).map(encodeURIComponent)].join('/')
}

/** The worst first, then by kind, then the oldest. */
function byWorst(one: Need, other: Need): number {
  return (
    severities.indexOf(one.severity) - severities.indexOf(other.severity) ||
    needKinds.indexOf(one.kind) - needKinds.indexOf(other.kind) ||
    one.since - other.since
  )
}

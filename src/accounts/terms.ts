/** What a service's terms say of one way to use it. */
interface Clause {
  readonly stand: 'allowed' | 'forbidden' | 'limited' | 'unknown'
  /** Where it says so; absent if that is unknown. */
  readonly source?: string
  /** What is limited, in a few words. */
  readonly note?: string
}

/** What a service's terms say, as far as its folder knows. It is no legal advice, and shown to the operator only. */
export interface Terms {
  /** When the terms were read: `2026-11-29`. */
  readonly readOn: string
  /** Requests by programs. */
  readonly automation: Clause
  /** Use of an account by several persons. */
  readonly sharing: Clause
  /** Use of several accounts, above all to get around a limit. */
  readonly severalAccounts: Clause
  /** Training of the service's models on what is sent. */
  readonly training: Clause
}

/** The terms of a service about which nothing is known. */
const unknownTerms: Omit<Terms, 'readOn'> = {
  automation: { stand: 'unknown' },
  sharing: { stand: 'unknown' },
  severalAccounts: { stand: 'unknown' },
  training: { stand: 'unknown' },
}

/** The terms in one line: `automation allowed, sharing limited (…), … (read on 2026-11-29)`. */
export function describeTerms(terms: Terms | undefined): string {
  const { automation, sharing, severalAccounts, training } = terms ?? unknownTerms
  const clauses = { automation, sharing, 'several accounts': severalAccounts, training }
  const words = Object.entries(clauses).map(([name, { stand, note }]) => `${name} ${stand}${note ? ` (${note})` : ''}`)
  const sources = new Set(Object.values(clauses).flatMap(({ source }) => source ?? []))
  const read = terms ? `; read on ${terms.readOn}: ${[...sources].join(', ')}` : ''
  return `${words.join(', ')}${read}`
}

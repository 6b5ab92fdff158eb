import type { Terms } from '../../accounts/terms.ts'

const source = 'https://www.anthropic.com/legal/commercial-terms'

/** Commercial Terms of Service, effective on 2025-06-17: the use of the API, its restrictions, and customer content. */
export const terms: Terms = {
  readOn: '2026-11-29',
  automation: { stand: 'allowed', source },
  sharing: { stand: 'limited', source, note: 'no resale without approval' },
  severalAccounts: { stand: 'unknown' },
  training: { stand: 'forbidden', source },
}

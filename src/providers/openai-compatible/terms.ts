import type { Terms } from '../../accounts/terms.ts'

const source = 'https://openai.com/policies/terms-of-use'

/** What is known of the terms of presets, by their names. OpenAI, Terms of Use: "circumvent any rate limits" */
export const termsOf: Readonly<Record<string, Terms>> = {
  openai: {
    readOn: '2026-11-29',
    automation: { stand: 'unknown' },
    sharing: { stand: 'unknown' },
    severalAccounts: { stand: 'limited', source, note: 'not to get around a rate limit' },
    training: { stand: 'unknown' },
  },
}

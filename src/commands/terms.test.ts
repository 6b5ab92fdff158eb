import { expect, test } from 'bun:test'
import { describeTerms, type Terms } from '../accounts/terms.ts'
import { readConfig } from '../config/config.ts'

const variables = {
  OPENAI_API_KEY: 'a-key',
  GROQ_API_KEY: 'a-key',
  ANTHROPIC_API_KEY: 'a-key',
  LANGFAST_SUPABASE_ANON_KEY: 'a-public-key',
}

test('terms that are not known are said to be unknown', () => {
  expect(describeTerms(undefined)).toBe(
    'automation unknown, sharing unknown, several accounts unknown, training unknown',
  )
})

test('every clause that is known has a source, and all have a date', () => {
  const config = readConfig(variables, false)
  if ('problems' in config) throw new Error('misconfigured')
  const known = config.upstreams.flatMap(({ name, terms }) => (terms ? [[name, terms] satisfies [string, Terms]] : []))
  expect(known.map(([name]) => name)).toEqual(['openai', 'anthropic'])
  for (const [, { readOn, ...clauses }] of known) {
    expect(readOn).toMatch(/^\d{4}-\d\d-\d\d$/)
    for (const { stand, source } of Object.values(clauses)) expect(source !== undefined).toBe(stand !== 'unknown')
  }
  expect(describeTerms(known[1]?.[1])).toBe(
    'automation allowed, sharing limited (no resale without approval), several accounts unknown, training forbidden; ' +
      'read on 2026-11-29: https://www.anthropic.com/legal/commercial-terms',
  )
})

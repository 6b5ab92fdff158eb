import { expect, test } from 'bun:test'
import type { Upstream } from './types.ts'
import { modelsVariable, nextVariable, variableName } from './variables.ts'

const account = { label: 'x', state: 'ok', until: null, why: null, models: null, expires_at: null, renewed_at: null }

/** An upstream whose accounts have these variables. */
function upstreamWith(variable: string | undefined, used: readonly (string | null)[]) {
  return {
    name: 'x',
    provider: null,
    address: null,
    running_calls: 0,
    models: { count: 0, known: false },
    used_up: null,
    breaker: { state: 'good', ejected_ms: 0, models: [] },
    credential: variable === undefined ? null : ({ variable, kind: 'key' } as const),
    accounts: used.map((own) => ({ ...account, source: 'environment', variable: own, quota: [] }) as const),
  } as const satisfies Upstream
}

test.each([
  ['OPENAI_API_KEY', [null], 'OPENAI_API_KEY'],
  ['OPENAI_API_KEY', ['OPENAI_API_KEY'], 'OPENAI_API_KEY_1'],
  ['OPENAI_API_KEY', ['OPENAI_API_KEY', 'OPENAI_API_KEY_1', 'OPENAI_API_KEY_3'], 'OPENAI_API_KEY_2'],
  ['CLERK_COOKIE', ['CLERK_COOKIE_1', 'CLERK_COOKIE_2'], 'CLERK_COOKIE_3'],
  [undefined, [null], undefined],
] as const)('a further account of %p beside %p is %p', (variable, used, next) => {
  expect(nextVariable(upstreamWith(variable, used))).toBe(next)
})

test.each([
  ['lab', 'LAB'],
  ['my-lab_2', 'MY_LAB_2'],
  ['2lab', undefined],
  ['my lab', undefined],
  ['', undefined],
  ['<b>', undefined],
])('a server called %p is %p in variables', (server, name) => {
  expect(variableName(server)).toBe(name)
})

test.each([
  ['GROQ_API_KEY', 'GROQ_MODELS'],
  ['MISTRAL_TOKEN', 'MISTRAL_MODELS'],
  ['GROQ_API_KEY_1', undefined],
  ['CLERK_COOKIE', undefined],
])('the models beside %p are in %p', (variable, models) => {
  expect(modelsVariable(variable)).toBe(models)
})

import { expect, test } from 'bun:test'
import { readConfig } from './config.ts'
import type { RawVariables } from './spelled-values.ts'

function read(variables: RawVariables) {
  const config = readConfig(variables, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  return config
}

test('each upstream has the variable of its credentials, and each account its own', () => {
  const { upstreams } = read({
    OPENAI_API_KEY_2: 'sk-0123456789',
    UPSTREAM_LAB_URL: 'http://lab.test/v1',
    UPSTREAM_MY_LAB_URL: 'http://lab.test/v1',
    UPSTREAM_MY_LAB_KEY: 'sk-0123456789',
    OLLAMA_HOST: '127.0.0.1',
    CO_API_KEY: 'co-0123456789',
    LANGFAST_SUPABASE_ANON_KEY: 'public-0123456789',
  })
  const shown = upstreams.map(({ name, credential, sources }) => [
    name,
    credential ?? null,
    [...(sources ?? [])].map(([label, { variable, source }]) => `${label} ${variable} ${source}`),
  ])
  expect(shown).toEqual([
    ['openai', { variable: 'OPENAI_API_KEY', kind: 'key' }, ['OPENAI_API_KEY_2 OPENAI_API_KEY_2 environment']],
    ['ollama', null, ['ollama OLLAMA_HOST environment']],
    ['lab', { variable: 'UPSTREAM_LAB_KEY', kind: 'key' }, ['lab UPSTREAM_LAB_URL environment']],
    [
      'my-lab',
      { variable: 'UPSTREAM_MY_LAB_KEY', kind: 'key' },
      ['UPSTREAM_MY_LAB_KEY UPSTREAM_MY_LAB_KEY environment'],
    ],
    ['cohere', { variable: 'COHERE_TOKEN', kind: 'key' }, ['CO_API_KEY CO_API_KEY environment']],
    ['langfast', { variable: 'LANGFAST_SUPABASE_ANON_KEY', kind: 'key' }, []],
  ])
})

test('what would turn on the upstreams that are off is known, without those that are on', () => {
  const names = ({ available }: ReturnType<typeof read>) =>
    available.map(({ variable, upstream, kind }) => `${variable} ${upstream} ${kind}`)
  const all = names(read({}))
  expect(all).toEqual(
    expect.arrayContaining([
      'OPENAI_API_KEY openai key',
      'GROQ_API_KEY groq key',
      'OLLAMA_HOST ollama url',
      'UPSTREAM_<NAME>_URL undefined url',
      'UPSTREAM_<NAME>_KEY undefined key',
      'ANTHROPIC_API_KEY anthropic key',
      'COHERE_TOKEN cohere key',
      'SMITHERY_COOKIE smithery session',
      'CLERK_COOKIE cto session',
      'LANGFAST_SUPABASE_ANON_KEY langfast key',
    ]),
  )
  const off = names(read({ CLERK_COOKIE: 'a.b.c', OLLAMA_HOST: '127.0.0.1', STATE_URL: 'memory:' }))
  expect(all.filter((line) => !off.includes(line))).toEqual(['OLLAMA_HOST ollama url', 'CLERK_COOKIE cto session'])
})

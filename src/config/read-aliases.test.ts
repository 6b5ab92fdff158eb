import { describe, expect, test } from 'bun:test'
import { readConfig } from './config.ts'

const upstreams = { OPENAI_API_KEY: 'sk-test', UPSTREAM_LAB_URL: 'http://127.0.0.1:1', UPSTREAM_LAB_MODELS: 'm,n' }

function read(aliases: string, others: Readonly<Record<string, string>> = {}) {
  return readConfig({ ...upstreams, ROUTES: 'all = lab/m + lab/n', ...others, ALIASES: aliases }, false)
}

function aliasesIn(text: string): unknown {
  const config = read(text)
  return 'problems' in config ? config.problems : [...config.aliases]
}

test('aliases stand one per line or after a semicolon', () => {
  expect(aliasesIn('claude-sonnet = openai/gpt-5-mini\n\n claude-haiku=lab/m ; a/b.c:1 = m;')).toEqual([
    ['claude-sonnet', 'openai/gpt-5-mini'],
    ['claude-haiku', 'lab/m'],
    ['a/b.c:1', 'm'],
  ])
})

test('an alias of the demo needs no upstream', () => {
  const config = readConfig({ ALIASES: 'claude-demo = demo/echo' }, false)
  expect('problems' in config ? config.problems : [...config.aliases]).toEqual([['claude-demo', 'demo/echo']])
})

describe('a start fails for', () => {
  const wrong: readonly (readonly [aliases: string, problem: string, remedy: string])[] = [
    ['claude-sonnet', 'has a line that is not `name = model`', 'claude-sonnet = openai/gpt-5-mini'],
    ['a = lab/m > lab/n', 'has a line that is not `name = model`', 'for example'],
    ['a b = lab/m', 'has a line that is not `name = model`', 'for example'],
    ['a:tools = lab/m', 'has a line that is not `name = model`', 'for example'],
    ['a = lab/m; a = lab/n', 'defines "a" twice', 'another name'],
    ['all = lab/m', 'defines "all", which is a route', 'another name'],
    ['a = all', 'gives the route "all" another name', 'ROUTES'],
    ['a = b; b = lab/m', 'gives the alias "b" another name', 'a = lab/m'],
    ['a = a', 'goes in a circle at "a"', 'name a model'],
    ['a = groq/llama', 'gives "a" to a model that no configured upstream has', 'openai, lab'],
    ['a = lab/m:tools', 'gives "a" to a model that no configured upstream has', 'openai, lab'],
  ]
  for (const [aliases, problem, remedy] of wrong)
    test(aliases, () =>
      expect(aliasesIn(aliases)).toEqual([{ variable: 'ALIASES', problem, remedy: expect.stringContaining(remedy) }]),
    )

  test('a model that is not in a fixed list', () => {
    const { OPENAI_API_KEY: _, ...lab } = upstreams
    expect(readConfig({ ...lab, ALIASES: 'a = lab/x' }, false)).toMatchObject({
      problems: [{ problem: 'gives "a" to a model that no configured upstream has' }],
    })
  })

  test('a longer circle, at each of its names', () =>
    expect(aliasesIn('a = b; b = c; c = a')).toMatchObject([
      { problem: 'goes in a circle at "a"' },
      { problem: 'goes in a circle at "b"' },
      { problem: 'goes in a circle at "c"' },
    ]))
})

test('other settings may name an alias', () => {
  const known = read('mine = lab/m', { CHAT_MODEL: 'mine', SUMMARY_MODEL: 'mine' })
  expect('problems' in known ? known.problems : known.chatModel).toBe('mine')
})

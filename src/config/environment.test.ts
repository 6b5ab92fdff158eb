import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { Environment } from './environment.ts'

const of = (values: Readonly<Record<string, string | undefined>>) => new Environment(values)

test('a value is trimmed, and an empty one is none', () => {
  const environment = of({ A: ' a ', B: '', C: '  ', D: undefined })
  expect(['A', 'B', 'C', 'D', 'E'].map((name) => environment.text(name))).toEqual([
    'a',
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('a list is what stands between commas, without blanks and gaps', () => {
  const environment = of({ A: ' a, b,,c ,', B: ' , ', C: 'a' })
  expect(environment.list('A')).toEqual(['a', 'b', 'c'])
  expect(environment.list('B')).toBeUndefined()
  expect(environment.list('C')).toEqual(['a'])
})

test('a URL is http or https, and loses its trailing slashes', () => {
  const good = { A: 'https://host/v1/', B: 'http://127.0.0.1:11434', C: 'https://[::1]:8443/a/b//', D: 'http://host/' }
  const environment = of(good)
  expect(Object.keys(good).map((name) => environment.url(name))).toEqual([
    'https://host/v1',
    'http://127.0.0.1:11434',
    'https://[::1]:8443/a/b',
    'http://host',
  ])
  expect(environment.problems).toEqual([])
})

for (const url of [
  'canary/v1',
  'ftp://canary',
  'file:///etc/canary',
  'https://',
  'https://ann@canary',
  'https://ann:pw@canary',
  'https://:canary@canary',
  'https://canary/?key=1',
  'https://canary/#a',
  'https://can ary/',
  'javascript:canary',
]) {
  test(`the URL ${JSON.stringify(url)} is reported, without showing it`, () => {
    const environment = of({ OPENAI_BASE_URL: url })
    expect(environment.url('OPENAI_BASE_URL')).toBeUndefined()
    expect(environment.problems).toMatchObject([{ variable: 'OPENAI_BASE_URL' }])
    expect(JSON.stringify(environment.problems)).not.toMatch(/canary|ann|pw/)
  })
}

test('a socket has an address of either kind', () => {
  for (const url of ['wss://host', 'ws://127.0.0.1:8080/a', 'https://host', 'http://host'])
    expect(of({ SOCKET_URL: `${url}/` }).socketUrl('SOCKET_URL')).toBe(url)
  for (const url of [
    'ftp://canary',
    'wss://',
    'wss://ann:canary@host',
    'ws://canary/?key=1',
    'wsss://canary',
    'ws:canary',
  ]) {
    const environment = of({ SOCKET_URL: url })
    expect({ url, is: environment.socketUrl('SOCKET_URL') }).toEqual({ url, is: undefined })
    expect(environment.problems).toMatchObject([{ variable: 'SOCKET_URL' }])
    expect(JSON.stringify(environment.problems)).not.toMatch(/canary|ann/)
  }
})

test('secrets are those of the name and of its numbers, in the order of these', () => {
  const environment = of({
    KEY_10: 'ten',
    KEY_2: 'two',
    KEY: 'none',
    KEY_x: 'x',
    KEY_1: 'one',
    XKEY_1: 'y',
    KEY_3: ' ',
  })
  expect(environment.secrets('KEY').map(({ name, secret }) => [name, secret.reveal()])).toEqual([
    ['KEY', 'none'],
    ['KEY_1', 'one'],
    ['KEY_2', 'two'],
    ['KEY_10', 'ten'],
  ])
})

test('a secret that cannot stand in a header is reported, without showing it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (rest) => {
      const value = `canary-of-the-environment${rest}`
      const environment = of({ KEY: value })
      const secret = environment.secret('KEY')
      const isPlain = /^[\x21-\x7e]*$/.test(value.trim())
      expect(secret?.reveal()).toBe(isPlain ? value.trim() : undefined)
      expect(environment.problems).toHaveLength(isPlain ? 0 : 1)
      expect(JSON.stringify(environment.problems)).not.toContain('canary-of')
    }),
  )
})

test('an integer is a whole number within its bounds, else it is reported and the default holds', () => {
  const bounds = { fallback: 7, min: 1, max: 100 }
  const read = (value: string) => {
    const environment = of({ N: value })
    return [environment.integer('N', bounds), environment.problems.length]
  }
  for (const [value, expected] of [
    ['1', 1],
    ['100', 100],
    [' 42 ', 42],
    ['007', 7],
  ] as const)
    expect(read(value)).toEqual([expected, 0])
  for (const value of ['0', '101', '-1', '1.5', '1e2', '0x10', 'ten', '1_000', '9'.repeat(400), 'Infinity', '１'])
    expect(read(value)).toEqual([7, 1])
  expect(read('')).toEqual([7, 0])
})

test('a choice is one of its words, else it is reported with all of them', () => {
  const environment = of({ A: 'json', B: 'xml' })
  expect(environment.choice('A', ['pretty', 'json'])).toBe('json')
  expect(environment.choice('B', ['pretty', 'json'])).toBeUndefined()
  expect(environment.problems).toMatchObject([{ variable: 'B', remedy: 'one of pretty, json' }])
})

test('every problem is gathered', () => {
  const environment = of({ A: 'x', B: 'x', C: 'x', D: 'a b' })
  environment.integer('A', { fallback: 0, min: 0, max: 1 })
  environment.url('B')
  environment.choice('C', ['y'])
  environment.secret('D')
  expect(environment.problems.map(({ variable }) => variable)).toEqual(['A', 'B', 'C', 'D'])
})

test('names that match a pattern are given with what matched, where they are set', () => {
  const environment = of({ UPSTREAM_A_URL: 'x', UPSTREAM_B_URL: '', OTHER: 'x' })
  expect(environment.matching(/^UPSTREAM_(.+)_URL$/).map(([, name]) => name)).toEqual(['A'])
})

test('a name nobody reads, two letters from one somebody does, is a probable typo', () => {
  const environment = of({ OPENAI_API_KEYS: 'a', LOG_LEVLE: 'b', OPENAI_ORGANIZATION: 'c', PATH: '/', LOG_FORMAT: 'd' })
  for (const name of ['OPENAI_API_KEY', 'LOG_LEVEL', 'LOG_FORMAT', 'PORT']) environment.text(name)
  expect(environment.typos()).toEqual([
    { name: 'OPENAI_API_KEYS', nearest: 'OPENAI_API_KEY' },
    { name: 'LOG_LEVLE', nearest: 'LOG_LEVEL' },
  ])
})

test('of two names it may have meant, a typo is told the nearer', () => {
  const environment = of({ LOG_LEVELS: 'a' })
  for (const name of ['LOG_LEVE', 'LOG_LEVEL']) environment.text(name)
  expect(environment.typos()).toEqual([{ name: 'LOG_LEVELS', nearest: 'LOG_LEVEL' }])
})

test('a name beside the one that is set is no typo of it', () => {
  const environment = of({ LOG_LEVEL: 'info', LOG_LEVELS: 'a' })
  environment.text('LOG_LEVEL')
  expect(environment.typos()).toEqual([])
})

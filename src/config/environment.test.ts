import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Environment } from './environment.ts'

const environmentOf = (values: Readonly<Record<string, string | undefined>>) => new Environment(values)

test('a value is trimmed, and an empty value counts as unset', () => {
  const environment = environmentOf({ A: ' a ', B: '', C: '  ', D: undefined })
  expect(['A', 'B', 'C', 'D', 'E'].map((name) => environment.text(name))).toEqual([
    'a',
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('a list is split at commas, without blanks and empty items', () => {
  const environment = environmentOf({ A: ' a, b,,c ,', B: ' , ', C: 'a' })
  expect(environment.list('A')).toEqual(['a', 'b', 'c'])
  expect(environment.list('B')).toBeUndefined()
  expect(environment.list('C')).toEqual(['a'])
})

test('a URL must be http or https, and loses its trailing slashes', () => {
  const good = { A: 'https://host/v1/', B: 'http://127.0.0.1:11434', C: 'https://[::1]:8443/a/b//', D: 'http://host/' }
  const environment = environmentOf(good)
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
  test(`the URL ${JSON.stringify(url)} is reported without its value`, () => {
    const environment = environmentOf({ OPENAI_BASE_URL: url })
    expect(environment.url('OPENAI_BASE_URL')).toBeUndefined()
    expect(environment.problems).toMatchObject([{ variable: 'OPENAI_BASE_URL' }])
    expect(JSON.stringify(environment.problems)).not.toMatch(/canary|ann|pw/)
  })
}

test('a socket URL may begin with ws, wss, http or https', () => {
  for (const url of ['wss://host', 'ws://127.0.0.1:8080/a', 'https://host', 'http://host'])
    expect(environmentOf({ SOCKET_URL: `${url}/` }).socketUrl('SOCKET_URL')).toBe(url)
  for (const url of [
    'ftp://canary',
    'wss://',
    'wss://ann:canary@host',
    'ws://canary/?key=1',
    'wsss://canary',
    'ws:canary',
  ]) {
    const environment = environmentOf({ SOCKET_URL: url })
    expect({ url, expected: environment.socketUrl('SOCKET_URL') }).toEqual({ url, expected: undefined })
    expect(environment.problems).toMatchObject([{ variable: 'SOCKET_URL' }])
    expect(JSON.stringify(environment.problems)).not.toMatch(/canary|ann/)
  }
})

test('secrets are read from a variable and its numbered variables, in the order of the numbers', () => {
  const environment = environmentOf({
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

test('a secret that does not fit into a header is reported without its value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (rest) => {
      const value = `canary-of-the-environment${rest}`
      const environment = environmentOf({ KEY: value })
      const secret = environment.secret('KEY')
      const isPlain = /^[\x21-\x7e]*$/.test(value.trim())
      expect(secret?.reveal()).toBe(isPlain ? value.trim() : undefined)
      expect(environment.problems).toHaveLength(isPlain ? 0 : 1)
      expect(JSON.stringify(environment.problems)).not.toContain('canary-of')
    }),
  )
})

test('an integer outside its bounds is reported, and the default is used', () => {
  const bounds = { fallback: 7, min: 1, max: 100 }
  const read = (value: string) => {
    const environment = environmentOf({ N: value })
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

test('a value that is not one of the allowed words is reported with all of these words', () => {
  const environment = environmentOf({ A: 'json', B: 'xml' })
  expect(environment.choice('A', ['pretty', 'json'])).toBe('json')
  expect(environment.choice('B', ['pretty', 'json'])).toBeUndefined()
  expect(environment.problems).toMatchObject([{ variable: 'B', remedy: 'one of pretty, json' }])
})

test('all problems are collected', () => {
  const environment = environmentOf({ A: 'x', B: 'x', C: 'x', D: 'a b' })
  environment.integer('A', { fallback: 0, min: 0, max: 1 })
  environment.url('B')
  environment.choice('C', ['y'])
  environment.secret('D')
  expect(environment.problems.map(({ variable }) => variable)).toEqual(['A', 'B', 'C', 'D'])
})

test('names that match a pattern are returned with the match, if they are set', () => {
  const environment = environmentOf({ UPSTREAM_A_URL: 'x', UPSTREAM_B_URL: '', OTHER: 'x' })
  expect(environment.matching(/^UPSTREAM_(.+)_URL$/).map(([, name]) => name)).toEqual(['A'])
})

test('an unknown name that is similar to a known one is probably a typo', () => {
  const environment = environmentOf({
    OPENAI_API_KEYS: 'a',
    LOG_LEVLE: 'b',
    OPENAI_ORGANIZATION: 'c',
    PATH: '/',
    LOG_FORMAT: 'd',
  })
  for (const name of ['OPENAI_API_KEY', 'LOG_LEVEL', 'LOG_FORMAT', 'PORT']) environment.text(name)
  expect(environment.warnings).toEqual([
    'OPENAI_API_KEYS is not a variable of tributary. Did you mean OPENAI_API_KEY?',
    'LOG_LEVLE is not a variable of tributary. Did you mean LOG_LEVEL?',
  ])
})

for (const [written, meant] of [
  ['OPENAI_KEY', 'OPENAI_API_KEY'],
  ['OPENAI_TOKEN', 'OPENAI_API_KEY'],
  ['OPENAI_APIKEY', 'OPENAI_API_KEY'],
  ['OPENIA_API_KEY', 'OPENAI_API_KEY'],
  ['openai_api_key', 'OPENAI_API_KEY'],
  ['CORS_ORIGIN', 'CORS_ORIGINS'],
] as const)
  test(`${written} is recognized as a typo of ${meant}`, () => {
    const environment = environmentOf({ [written]: 'a' })
    for (const name of ['OPENAI_API_KEY', 'CORS_ORIGINS', 'HOST', 'PORT']) environment.text(name)
    expect(environment.warnings).toEqual([`${written} is not a variable of tributary. Did you mean ${meant}?`])
  })

test('names of other programs cause no warning', () => {
  const names = ['GITHUB_TOKEN', 'HOSTNAME', 'SPORT', 'LANG', 'SHELL', 'AWS_SECRET_ACCESS_KEY', 'OPENAI_ORG_ID', 'POST']
  const environment = environmentOf(Object.fromEntries(names.map((name) => [name, 'x'])))
  for (const name of ['HOST', 'PORT', 'OPENAI_API_KEY', 'STATE_SECRET', 'LOG_LEVEL']) environment.text(name)
  expect(environment.warnings).toEqual([])
})

test('a typo between two names gets the nearer one as a hint', () => {
  const environment = environmentOf({ LOG_LEVELS: 'a' })
  for (const name of ['LOG_LEVE', 'LOG_LEVEL']) environment.text(name)
  expect(environment.warnings).toEqual(['LOG_LEVELS is not a variable of tributary. Did you mean LOG_LEVEL?'])
})

test('a name is not a typo of a similar name that is also set', () => {
  const environment = environmentOf({ LOG_LEVEL: 'info', LOG_LEVELS: 'a' })
  environment.text('LOG_LEVEL')
  expect(environment.warnings).toEqual([])
})

describe('in a file, which is only for this program,', () => {
  const warnings = (names: readonly string[]) => {
    const values = Object.fromEntries(names.map((name) => [name, 'x']))
    const places = new Map(names.map((name, at) => [name, `.env line ${at + 1}`]))
    const environment = new Environment(values, { inFile: places, of: places })
    for (const name of ['PORT', 'HOST', 'LOG_LEVEL', 'MISTRAL_TOKEN']) environment.text(name)
    return environment.warnings
  }

  test('every unknown name causes a warning with its line and a similar name', () => {
    expect(warnings(['PORT', 'FOO', 'PROT', 'port', 'LOGLEVEL', 'MISTRAL_KEY', 'COMPOSE_PROJECT_NAME'])).toEqual([
      '.env line 2: FOO is not a variable of tributary.',
      '.env line 3: PROT is not a variable of tributary. Did you mean PORT?',
      '.env line 4: port is not a variable of tributary. Did you mean PORT?',
      '.env line 5: LOGLEVEL is not a variable of tributary. Did you mean LOG_LEVEL?',
      '.env line 6: MISTRAL_KEY is not a variable of tributary. Did you mean MISTRAL_TOKEN?',
      '.env line 7: COMPOSE_PROJECT_NAME is not a variable of tributary.',
    ])
  })

  test('another spelling of a name is known', () => {
    expect(warnings(['MISTRAL_API_KEY'])).toEqual([])
  })

  test('a variable that only works in the environment causes a warning', () => {
    const [warning, ...others] = warnings(['https_proxy'])
    expect(others).toEqual([])
    expect(warning).toContain('.env line 1: https_proxy has no effect in a file')
  })
})

describe('another spelling of a name', () => {
  test('is accepted, and the setting shows the spelling', () => {
    const environment = environmentOf({ MISTRAL_API_KEY: 'a', CO_API_KEY_2: 'b', OPENAI_API_BASE: 'http://h/v1' })
    expect(environment.secrets('MISTRAL_TOKEN').map(({ name, secret }) => [name, secret.reveal()])).toEqual([
      ['MISTRAL_API_KEY', 'a'],
    ])
    expect(environment.secrets('COHERE_TOKEN').map(({ name }) => name)).toEqual(['CO_API_KEY_2'])
    expect(environment.url('OPENAI_BASE_URL')).toBe('http://h/v1')
    expect(environment.settings).toContainEqual({
      name: 'OPENAI_BASE_URL',
      value: 'http://h/v1',
      origin: 'environment, as OPENAI_API_BASE',
    })
  })

  test('loses against the name itself, with a warning if their values differ', () => {
    const differing = environmentOf({ MISTRAL_API_KEY: 'canary-a', MISTRAL_TOKEN: 'canary-b' })
    expect(differing.secrets('MISTRAL_TOKEN').map(({ secret }) => secret.reveal())).toEqual(['canary-b'])
    expect(differing.warnings).toEqual([
      'MISTRAL_API_KEY is another name of MISTRAL_TOKEN, but has another value: MISTRAL_TOKEN is used. Leave one of them out.',
    ])
    const equal = environmentOf({ MISTRAL_API_KEY: 'same', MISTRAL_TOKEN: 'same' })
    equal.secrets('MISTRAL_TOKEN')
    expect(equal.warnings).toEqual([])
  })

  test('is named in the problem of its value', () => {
    const environment = environmentOf({ OPENAI_API_BASE: 'nothing', MISTRAL_API_KEY: 'two words' })
    environment.url('OPENAI_BASE_URL')
    environment.secrets('MISTRAL_TOKEN')
    expect(environment.problems.map(({ variable }) => variable)).toEqual(['OPENAI_API_BASE', 'MISTRAL_API_KEY'])
  })
})

describe('a key that looks wrong causes a warning without its value:', () => {
  for (const [value, expected] of [
    [
      'sk-canary-a,sk-canary-b',
      'OPENAI_API_KEY has a comma or a similar character, and is used as one key. Several keys are',
    ],
    ['sk-canary-a;sk-canary-b', 'OPENAI_API_KEY has a comma or a similar character'],
    ['"sk-canary"', 'OPENAI_API_KEY has quotes around it'],
    ["'sk-canary'", 'OPENAI_API_KEY has quotes around it'],
    ['sk-canary"', 'OPENAI_API_KEY has a quote at one end'],
    ['OPENAI_API_KEY=sk-canary', 'OPENAI_API_KEY begins with the name of a variable'],
    ['your-canary-here', 'OPENAI_API_KEY has a placeholder instead of a key'],
    ['<canary>', 'OPENAI_API_KEY has a placeholder instead of a key'],
    ['$CANARY_KEY', 'OPENAI_API_KEY has a placeholder instead of a key'],
  ] as const)
    test(expected, () => {
      const environment = environmentOf({ OPENAI_API_KEY: value })
      expect(environment.secrets('OPENAI_API_KEY')).toHaveLength(1)
      expect(environment.warnings).toEqual([expect.stringContaining(expected)])
      expect(environment.warnings.join()).not.toContain('canary')
    })

  for (const [value, expected] of [
    ['Bearer sk-canary', 'begins with the word before a key, such as Bearer'],
    ['sk-canary-a, sk-canary-b', 'has several values'],
    ['sk-canary\nsk-canary-b', 'has several values, or a line break'],
    ['sk canary', 'has white space'],
  ] as const)
    test(expected, () => {
      const environment = environmentOf({ OPENAI_API_KEY: value })
      expect(environment.secrets('OPENAI_API_KEY')).toEqual([])
      expect(environment.problems).toMatchObject([
        { variable: 'OPENAI_API_KEY', problem: expect.stringContaining(expected) },
      ])
      expect(JSON.stringify(environment.problems)).not.toContain('canary')
    })
})

test('a flag accepts many words, and a choice ignores upper and lower case', () => {
  for (const yes of ['true', 'TRUE', '1', 'Yes', 'on']) expect(environmentOf({ A: yes }).flag('A')).toBe(true)
  for (const no of ['false', 'FALSE', '0', 'No', 'off', '']) expect(environmentOf({ A: no }).flag('A')).toBe(false)
  const environment = environmentOf({ A: 'maybe', B: 'JSON' })
  expect(environment.flag('A')).toBe(false)
  expect(environment.problems).toMatchObject([{ variable: 'A', remedy: 'one of true, false' }])
  expect(environment.choice('B', ['json'])).toBe('json')
})

test('a problem names the operator’s own spelling or option', () => {
  const environment = new Environment(
    { UPSTREAM_X_API_KEY: 'k', PORT: 'x', OPENAI_BASE_URL: '"http://canary/v1"' },
    { inFile: new Map(), of: new Map([['PORT', '--port']]) },
  )
  environment.secrets('UPSTREAM_X_KEY')
  environment.report({ variable: 'UPSTREAM_X_URL', problem: 'lacks UPSTREAM_X_KEY', remedy: 'set UPSTREAM_X_URL' })
  environment.integer('PORT', { fallback: 1, min: 1, max: 9 })
  environment.url('OPENAI_BASE_URL')
  expect(environment.problems).toEqual([
    { variable: 'UPSTREAM_X_URL', problem: 'lacks UPSTREAM_X_API_KEY', remedy: 'set UPSTREAM_X_URL' },
    { variable: '--port', problem: 'is not a whole number from 1 to 9', remedy: 'leave it out for the default of 1' },
    { variable: 'OPENAI_BASE_URL', problem: 'has quotes around its value', remedy: 'leave them out' },
  ])
})

test('an unknown name that begins with UPSTREAM_ always causes a warning', () => {
  const environment = environmentOf({ UPSTREAM_LAB_SECRETS: 'x', UPSTREAM_LAB_ENDPOINT: 'http://h/v1' })
  expect(environment.url('UPSTREAM_LAB_URL')).toBe('http://h/v1')
  expect(environment.warnings).toEqual(['UPSTREAM_LAB_SECRETS is not a variable of tributary.'])
})

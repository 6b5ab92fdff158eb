import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type Config, type Misconfigured, readConfig } from './config.ts'
import { loadConfig } from './load-config.ts'

const key = 'a-key-that-is-long-enough'
const folder = mkdtempSync(join(tmpdir(), 'tributary-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function config(read: Config | Misconfigured): Config {
  if ('problems' in read) throw new Error(`misconfigured: ${JSON.stringify(read.problems)}`)
  return read
}

function problems(read: Config | Misconfigured): readonly string[] {
  return 'problems' in read ? read.problems.map(({ variable }) => variable) : []
}

const read = (variables: Readonly<Record<string, string>>) => readConfig(variables, false)

test('without settings it serves the demo on loopback', () => {
  expect(config(read({}))).toMatchObject({
    host: '127.0.0.1',
    port: 8000,
    keys: [],
    policy: { hasKeys: false, isPublic: false, corsOrigins: undefined, allowedHosts: [] },
    maxBodyBytes: 33_554_432,
    deadlines: { firstEventMs: 180_000, wholeMs: 600_000, idleMs: 120_000 },
    keepAliveMs: 10_000,
    shutdownDelayMs: 0,
    shutdownGraceMs: 30_000,
    logLevel: 'info',
    logFormat: 'json',
    isProxied: false,
    warnings: [],
    upstreams: [{ name: 'demo' }],
  })
  expect(config(readConfig({}, true)).logFormat).toBe('pretty')
})

test('every setting has its effect', () => {
  const set = config(
    read({
      HOST: '::',
      PORT: '0',
      API_MASTER_KEY: `${key}, other-${key}`,
      CORS_ORIGINS: 'https://a.example/,*',
      ALLOWED_HOSTS: 'A.Example, b',
      MAX_BODY_BYTES: '2048',
      API_REQUEST_TIMEOUT: '7',
      STREAM_IDLE_TIMEOUT: '8',
      KEEPALIVE_INTERVAL: '9',
      SHUTDOWN_GRACE: '11',
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'pretty',
      https_proxy: 'http://proxy:3128',
      OPENAI_API_KEY: key,
    }),
  )
  expect(set).toMatchObject({
    host: '::',
    port: 0,
    policy: {
      hasKeys: true,
      isPublic: true,
      corsOrigins: ['https://a.example', '*'],
      allowedHosts: ['a.example', 'b'],
    },
    maxBodyBytes: 2048,
    deadlines: { firstEventMs: 7_000, wholeMs: 7_000, idleMs: 8_000 },
    keepAliveMs: 9_000,
    shutdownGraceMs: 11_000,
    logLevel: 'debug',
    logFormat: 'pretty',
    isProxied: true,
    upstreams: [{ name: 'openai' }],
  })
  expect(set.keys.map((secret) => secret.reveal())).toEqual([key, `other-${key}`])
})

test('item 14: with a key it listens everywhere, without one only on loopback, unless more is allowed', () => {
  expect(config(read({ API_MASTER_KEY: key })).host).toBe('0.0.0.0')
  for (const host of ['0.0.0.0', '::', '192.168.1.2', 'gateway.example']) {
    expect(problems(read({ HOST: host }))).toEqual(['HOST'])
    expect(problems(read({ HOST: host, API_MASTER_KEY: '1' }))).toEqual(['HOST'])
    expect(config(read({ HOST: host, API_MASTER_KEY: key })).host).toBe(host)
    const open = config(read({ HOST: host, ALLOW_UNAUTHENTICATED: 'true' }))
    expect(open.warnings).toHaveLength(1)
  }
  for (const host of ['127.0.0.1', '::1', 'localhost']) expect(config(read({ HOST: host })).host).toBe(host)
})

test('TRUSTED_PROXIES may only have addresses, ranges and loopback', () => {
  const written = ' loopback, 10.0.0.0/8,fd00::/8 , 192.0.2.1,'
  const items = ['loopback', '10.0.0.0/8', 'fd00::/8', '192.0.2.1']
  expect(config(read({ TRUSTED_PROXIES: written })).trustedProxies).toEqual(items)
  expect(config(read({})).trustedProxies).toEqual([])
  for (const wrong of ['true', 'proxy.lan', '*', '10.0.0.0/33', 'loopback 10.0.0.1', '10.0.0.1:80', '10.0.0.0/-1']) {
    expect(read({ TRUSTED_PROXIES: `loopback, ${wrong}` })).toMatchObject({
      problems: [{ variable: 'TRUSTED_PROXIES', problem: expect.stringContaining('item 2') }],
    })
  }
})

test('a key of 1 means no authentication, and only 1 does', () => {
  expect(config(read({ API_MASTER_KEY: ' 1 ' })).keys).toEqual([])
  expect(config(read({ API_MASTER_KEY: '11' })).keys).toHaveLength(1)
  expect(problems(read({ API_MASTER_KEY: ',' }))).toEqual(['API_MASTER_KEY'])
  expect(problems(read({ API_MASTER_KEY: ' , ,' }))).toEqual(['API_MASTER_KEY'])
})

test('a key that can be guessed causes a warning', () => {
  expect(config(read({ API_MASTER_KEY: 'short' })).warnings).toHaveLength(1)
})

test('P28: all problems are reported at once, each with its variable and a remedy, but without its value', () => {
  const wrong = {
    HOST: 'canary host',
    PORT: 'canary',
    API_MASTER_KEY: 'canary key',
    CORS_ORIGINS: 'canary',
    ALLOW_UNAUTHENTICATED: 'canary',
    MAX_BODY_BYTES: '-1',
    API_REQUEST_TIMEOUT: '0',
    STREAM_IDLE_TIMEOUT: '1.5',
    KEEPALIVE_INTERVAL: '1e9',
    SHUTDOWN_GRACE: '99999999',
    LOG_LEVEL: 'canary',
    LOG_FORMAT: 'canary',
    OPENAI_BASE_URL: 'canary',
    GROQ_API_KEY: 'canary key',
    UPSTREAM_LOCAL_KEY: 'canary',
  }
  const found = read(wrong)
  const expected = Object.keys(wrong).map((name) => (name === 'UPSTREAM_LOCAL_KEY' ? 'UPSTREAM_LOCAL_URL' : name))
  expect([...new Set(problems(found))].toSorted()).toEqual(expected.toSorted())
  for (const { problem, remedy } of 'problems' in found ? found.problems : []) {
    expect(problem).not.toBe('')
    expect(remedy).not.toBe('')
  }
  expect(inspect(found, { depth: 9 })).not.toContain('canary')
})

test('P17: printing the configuration shows no secret', () => {
  const set = config(
    read({
      API_MASTER_KEY: `${key}-1`,
      OPENAI_API_KEY: `${key}-2`,
      UPSTREAM_A_URL: 'http://a',
      UPSTREAM_A_KEY_1: `${key}-3`,
    }),
  )
  const shown = JSON.stringify(set) + inspect(set, { depth: 9, showHidden: true }) + Bun.inspect(set)
  expect(shown).not.toContain(key)
})

test('an unknown name that is similar to a known one causes a warning, even if the operator chose a part of the name', () => {
  const { warnings } = config(read({ API_MASTER_KEYS: key, UPSTREAM_A_URL: 'http://a/v1', UPSTREAM_A_MODEL: 'b' }))
  expect(warnings).toHaveLength(2)
  expect(warnings.join()).toContain('Did you mean API_MASTER_KEY?')
  expect(warnings.join()).toContain('Did you mean UPSTREAM_A_MODELS?')
  expect(warnings.join()).not.toContain(key)
})

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** Runs `act` with only these variables in the environment. */
function withEnvironment<T>(variables: Readonly<Record<string, string>>, act: () => T): T {
  const before = { ...process.env }
  for (const name of Object.keys(before)) delete process.env[name]
  try {
    Object.assign(process.env, variables)
    return act()
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name]
    Object.assign(process.env, before)
  }
}

test('a file is read as data: with quotes, comments and spaces, and nothing is expanded or run', () => {
  const path = file(
    'a.env',
    [
      '# a comment',
      'PORT=8123 # where',
      'export KEEPALIVE_INTERVAL=3',
      "ALLOWED_HOSTS='a, b'",
      'LOG_LEVEL="debug"',
      'GROQ_MODELS=$HOME,`id`,$(id)',
      `GROQ_API_KEY = ${key}`,
      '',
    ].join('\r\n'),
  )
  const set = config(withEnvironment({}, () => loadConfig({ envFile: path })))
  expect(set).toMatchObject({ port: 8123, keepAliveMs: 3_000, logLevel: 'debug' })
  expect(set.policy.allowedHosts).toEqual(['a', 'b'])
  expect(set.upstreams[0]?.models?.map(({ id }) => id)).toEqual(['$HOME', '`id`', '$(id)'])
})

test('the environment wins over the file', () => {
  const path = file('b.env', 'PORT=8123\nSHUTDOWN_GRACE=3\n')
  const set = config(withEnvironment({ PORT: '8124' }, () => loadConfig({ envFile: path })))
  expect(set).toMatchObject({ port: 8124, shutdownGraceMs: 3_000 })
})

test('a missing file or a folder is a problem, and not a crash', () => {
  expect(problems(loadConfig({ envFile: join(folder, 'missing.env') }))).toEqual(['--env-file'])
  expect(problems(loadConfig({ envFile: folder }))).toEqual(['--env-file'])
})

test('a variable of an upstream without a credential is reported', () => {
  for (const [variable, value, secrets] of [
    ['SMITHERY_SUPABASE_ANON_KEY', 'a-public-key', 'SMITHERY_COOKIE'],
    ['SMITHERY_MODELS', 'a', 'SMITHERY_COOKIE'],
    ['LANGFAST_PROMPT_ID', 'a', 'LANGFAST_SUPABASE_ANON_KEY'],
  ] as const) {
    const found = read({ [variable]: value })
    expect(found).toMatchObject({ problems: [{ variable, remedy: `set ${secrets}, or leave it out` }] })
  }
  expect(problems(read({ OPENAI_HEADERS: 'X-A: b' }))).toEqual(['OPENAI_API_KEY'])
})

test('an invalid HOST is one problem', () => {
  expect(problems(read({ HOST: 'http://localhost:8000' }))).toEqual(['HOST'])
})

test('a warning names the variable that the operator has set', () => {
  const { warnings } = config(read({ OPENAI_API_BASE: 'http://127.0.0.1:1' }))
  expect(warnings).toEqual([expect.stringMatching(/^OPENAI_API_BASE has no version in its path/)])
})

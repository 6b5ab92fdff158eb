import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { emulateCohere } from '../../src/providers/cohere/emulator/index.ts'
import { emulateCto, emulatedUser } from '../../src/providers/cto/emulator/index.ts'
import { emulateLangfast, type LangfastEmulator } from '../../src/providers/langfast/emulator/index.ts'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { emulateSmithery, type SmitheryEmulator } from '../../src/providers/smithery/emulator/index.ts'
import { emulateHttp } from '../../src/wire/emulator/http.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { build, emptyFolder, type Outcome, run, start, type Variables } from './program.ts'

// `tributary doctor` of the executable, with emulators for every state of an account.

beforeAll(build, 120_000)

const open: { close(): Promise<unknown> }[] = []
afterAll(() => Promise.all(open.map((emulator) => emulator.close())))

/** Everything to close after the tests. */
async function closeLater<Emulator extends { close(): Promise<unknown> }>(
  starting: Promise<Emulator>,
): Promise<Emulator> {
  const emulator = await starting
  open.push(emulator)
  return emulator
}

const json = { 'content-type': 'application/json' }
const limited: Script = { status: 429, headers: { ...json, 'retry-after': '42' }, body: ['{}'] }
const unpaid: Script = { status: 402, headers: json, body: ['{}'] }
const page: Script = {
  status: 403,
  headers: { 'content-type': 'text/html', 'cf-mitigated': 'challenge' },
  body: ['<!doctype html><title>Just a moment…</title>'],
}

/** Starts an OpenAI-compatible upstream that gives this answer to every chat. */
async function lab(name: string, reply?: Script, models: readonly string[] = ['gpt-lab']): Promise<Variables> {
  const emulator = await closeLater(emulateOpenai({ models, reply: () => reply }))
  return { [`UPSTREAM_${name}_URL`]: `${emulator.origin}/v1` }
}

interface Session {
  readonly access_token: string
  readonly refresh_token: string
  readonly user: { readonly id: string }
}

function sessionIn(variables: Variables, name: string): Session {
  return JSON.parse(variables[name] ?? '')
}

/** Starts smithery with three sessions: a valid one, an ended one, and one of a banned user. */
async function threeSessions(): Promise<SmitheryEmulator> {
  const smithery = await closeLater(emulateSmithery({ accounts: 3 }))
  for (const [name, code] of [
    ['SMITHERY_COOKIE_2', 'session_expired'],
    ['SMITHERY_COOKIE_3', 'user_banned'],
  ] as const) {
    const { access_token: token, user } = sessionIn(smithery.variables, name)
    smithery.supabase.refuse(token)
    smithery.supabase.end(user.id, code)
  }
  return smithery
}

async function unreachableUrl(): Promise<string> {
  const server = await emulateHttp(() => undefined)
  await server.close()
  return `${server.origin}/v1`
}

/** Reads the cells of the table by account. The heads give the positions of the columns. */
function rowsOf(stdout: string): Map<string, readonly string[]> {
  const [head = '', ...lines] = stdout.trim().split('\n')
  const starts = [...head.matchAll(/\S+(?: \S+)*/g)].map(({ index }) => index)
  const cells = (line: string) => starts.map((from, at) => line.slice(from, starts[at + 1]).trim())
  // sentences about an upstream whose accounts are all used up follow the table
  const rows = lines.filter((line) => !line.startsWith('All accounts of '))
  return new Map(rows.map(cells).map((row) => [row[1] ?? '', row]))
}

describe('doctor reports the state of an account', () => {
  let told: Outcome
  let langfast: LangfastEmulator
  beforeAll(async () => {
    const cohere = await closeLater(emulateCohere({ keys: ['a-token-that-works'] }))
    const smithery = await threeSessions()
    const cto = await closeLater(emulateCto({ users: [emulatedUser('one'), emulatedUser('two')] }))
    const [, second] = cto.users
    if (second) second.isBanned = true
    langfast = await closeLater(emulateLangfast())
    const blocked = await closeLater(emulateSmithery({ reply: () => page }))
    const variables = {
      ...smithery.variables,
      ...cto.variables,
      ...langfast.variables,
      ...(await lab('LIMITED', limited)),
      ...(await lab('UNPAID', unpaid)),
      ...(await lab('SILENT', { ending: 'stall', headDelayMs: 60_000 })),
      ...(await lab('EMPTY', undefined, [])),
      UPSTREAM_GONE_URL: await unreachableUrl(),
      UPSTREAM_GONE_MODELS: 'gone',
      COHERE_BASE_URL: cohere.origin,
      COHERE_TOKEN_2: 'a-token-that-works',
      COHERE_TOKEN_10: 'a-token-that-is-wrong',
      API_REQUEST_TIMEOUT: '3',
      STATE_URL: 'memory:',
      PORT: '0',
    }
    const challenged = { ...blocked.variables, API_REQUEST_TIMEOUT: '3', STATE_URL: 'memory:', PORT: '0' }
    const [all, walled] = await Promise.all([
      run(['doctor'], { variables }),
      run(['doctor'], { variables: challenged }),
    ])
    told = all
    walledOff = walled
  }, 60_000)
  let walledOff: Outcome

  const expected: readonly (readonly [account: string, state: string, why: RegExp, next: RegExp])[] = [
    ['COHERE_TOKEN_2', 'works', /^command-test answered$/, /^$/],
    ['COHERE_TOKEN_10', 'refused', /HTTP 401/, /^Check COHERE_TOKEN_10: .*tributary help upstreams/],
    ['SMITHERY_COOKIE_1', 'works', /^claude-haiku-4\.5 answered$/, /^$/],
    [
      'SMITHERY_COOKIE_2',
      'needs login',
      /session has ended/,
      /private window.* SMITHERY_COOKIE_2 .*tributary help upstreams/,
    ],
    ['SMITHERY_COOKIE_3', 'banned', /banned this user/, /its support/],
    ['CLERK_COOKIE_1', 'works', /^ClaudeSonnet4_5 answered$/, /^$/],
    ['CLERK_COOKIE_2', 'banned', /banned or deactivated/, /its support/],
    ['anonymous', 'works', /^gpt-4o-mini answered$/, /^$/],
    ['limited', 'rate-limited', /HTTP 429/, /^Wait 42 s;/],
    ['unpaid', 'no credit', /HTTP 402/, /^Add credit/],
    ['silent', 'silent', /no answer within 3 s/, /^Try again later/],
    ['empty', 'no model', /lists no model/, /_MODELS/],
    ['gone', 'unreachable', /could not be reached/, /^Check its address/],
  ]
  for (const [account, state, why, next] of expected)
    test(`${account}: ${state}`, () => {
      const row = rowsOf(told.stdout).get(account)
      expect(row?.[2]).toBe(state)
      expect(row?.[3]).toMatch(/^\d+\.\d s$/)
      expect(row?.[4]).toMatch(why)
      expect(row?.[5]).toMatch(next)
      expect(told.stderr).toMatch(new RegExp(`^\\d+/13 [a-z0-9-]+ ${account}: ${state}$`, 'm'))
    })

  test('SMITHERY_COOKIE_1: challenged', () => {
    const row = rowsOf(walledOff.stdout).get('SMITHERY_COOKIE_1')
    expect(row?.[2]).toBe('challenged')
    expect(row?.[5]).toContain('does not evade')
  })

  test('in the configured order, after the number of accounts', () => {
    expect([...rowsOf(told.stdout).keys()].toSorted()).toEqual(expected.map(([account]) => account).toSorted())
    const keys = [...rowsOf(told.stdout).keys()]
    expect(keys.indexOf('COHERE_TOKEN_10')).toBe(keys.indexOf('COHERE_TOKEN_2') + 1)
    expect(told.stderr).toStartWith('Testing 13 accounts, at most 3 s each.\n')
  })

  test('and exits with 0 if one works, with 1 if none works', () => {
    expect(told.code).toBe(0)
    expect(walledOff.code).toBe(1)
  })

  test('and makes only the accounts that it tries', () => {
    expect(langfast.counts.signUps).toBe(1)
  })
})

describe('doctor of an address without its version', () => {
  const rowOf = async (variables: Variables) => {
    const emulator = await closeLater(emulateOpenai({ models: ['gpt-lab'] }))
    const { code, stdout, stderr } = await run(['doctor'], {
      variables: { ...variables, UPSTREAM_LAB_URL: emulator.origin, PORT: '0' },
    })
    return { code, stderr, row: rowsOf(stdout).get('lab') }
  }

  for (const [how, variables] of [
    ['that lists models', {}],
    ['whose models are named', { UPSTREAM_LAB_MODELS: 'gpt-lab' }],
  ] as const)
    test(`${how} says that /v1 is probably missing, and so does the start`, async () => {
      const { code, stderr, row } = await rowOf(variables)
      expect(code).toBe(1)
      expect(row?.[4]).toContain('/v1 is probably missing: there it lists its models.')
      expect(row?.[5]).toBe('Add /v1 to the address in the variables of lab.')
      expect(stderr).toContain('UPSTREAM_LAB_URL has no version in its path.')
    })
})

describe('doctor says nothing secret', () => {
  const key = 'canary/doctor+51c8"\\e07b'
  /** Every encoding of a secret in a text. */
  const formsOf = (secret: string) => [
    secret,
    encodeURIComponent(secret),
    encodeURIComponent(secret).toLowerCase(),
    ...['', 'x', 'xy'].map((before) => btoa(before + secret).slice(Math.ceil((before.length * 8) / 6), -4)),
    JSON.stringify(secret).slice(1, -1),
  ]
  const base64 = ['', 'x', 'xy'].map((before) => btoa(before + key))
  const spelled = [key, encodeURIComponent(key), ...base64, JSON.stringify(key)].map((text) => `said ${text}`)

  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    test(`at LOG_LEVEL=${level}, even if an upstream repeats a secret`, async () => {
      const refusal = { message: spelled.join(' '), type: key, param: key, code: key }
      const refusing = await closeLater(
        emulateOpenai({ reply: () => ({ status: 400, headers: json, body: [JSON.stringify({ error: refusal })] }) }),
      )
      const named = await closeLater(emulateOpenai({ models: [key] }))
      const smithery = await threeSessions()
      const cto = await closeLater(emulateCto({ rotates: true }))
      const { stdout, stderr } = await run(['doctor'], {
        variables: {
          ...smithery.variables,
          ...cto.variables,
          UPSTREAM_REFUSING_URL: `${refusing.origin}/v1`,
          UPSTREAM_REFUSING_KEY: key,
          UPSTREAM_NAMED_URL: `${named.origin}/v1`,
          UPSTREAM_NAMED_KEY: key,
          LOG_LEVEL: level,
          STATE_URL: 'memory:',
          PORT: '0',
        },
      })
      expect(stdout).toContain('said [secret]')
      expect(stdout).toContain('[secret] answered')
      const sessions = [1, 2, 3].map((number) => sessionIn(smithery.variables, `SMITHERY_COOKIE_${number}`))
      const tokens = sessions.flatMap(({ access_token: access, refresh_token: refresh }) => [access, refresh])
      const cookie = cto.variables.CLERK_COOKIE_1?.replace('__client=', '') ?? ''
      for (const form of [key, cookie, ...tokens].flatMap(formsOf)) {
        expect(form.length).toBeGreaterThan(8)
        expect(stdout + stderr).not.toContain(form)
      }
    })
})

describe('doctor next to a server', () => {
  test('that keeps renewed accounts in its memory asks that server, and uses up none of its tokens', async () => {
    const smithery = await closeLater(emulateSmithery())
    const { access_token: token } = sessionIn(smithery.variables, 'SMITHERY_COOKIE_1')
    await using gateway = await start({ ...smithery.variables, STATE_URL: 'memory:' })
    smithery.supabase.refuse(token)
    const variables = {
      ...smithery.variables,
      STATE_URL: 'memory:',
      HOST: '127.0.0.1',
      PORT: new URL(gateway.url).port,
    }
    for (let time = 0; time < 3; time++) {
      const { code, stdout, stderr } = await run(['doctor'], { variables })
      expect([code, rowsOf(stdout).get('SMITHERY_COOKIE_1')?.[2]]).toEqual([0, 'works'])
      expect(stderr).toStartWith(`The server running at ${gateway.url} tests its accounts`)
    }
    // the server has renewed once, and uses the new token
    expect(smithery.supabase.counts).toMatchObject({ renewals: 1, refusals: 0 })
    const body = JSON.stringify({
      model: 'smithery/claude-haiku-4.5',
      messages: [{ role: 'user', content: 'Hello' }],
    })
    expect((await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body })).status).toBe(200)
    expect(smithery.supabase.counts).toMatchObject({ renewals: 1, refusals: 0 })
  })

  test('that has the state in a file, with a key, asks that server', async () => {
    await using folder = await emptyFolder()
    const cto = await closeLater(emulateCto({ rotates: true }))
    const variables = {
      ...cto.variables,
      API_MASTER_KEY: 'sk-of-the-doctors-test, sk-another-of-them',
      STATE_URL: `sqlite:${join(folder.path, 'state.db')}`,
      STATE_SECRET: 'a-secret-of-the-doctors-tests',
    }
    await using gateway = await start(variables)
    const beside = { ...variables, HOST: '127.0.0.1', PORT: new URL(gateway.url).port }
    const { code, stdout, stderr } = await run(['doctor', '--json'], { variables: beside })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      works: true,
      accounts: [{ upstream: 'cto', account: 'CLERK_COOKIE_1', works: true, state: 'works', advice: '' }],
    })
    expect(stderr).not.toContain('sk-of-the-doctors-test')
    const stranger = await run(['doctor'], { variables: { ...beside, API_MASTER_KEY: 'sk-of-somebody-else-here' } })
    expect(stranger.code).toBe(78)
    expect(stranger.stderr).toContain('refuses this configuration')
  })

  test('reports what an account lacks there, and the settings that changed since the server started', async () => {
    const cohere = await closeLater(emulateCohere({ keys: ['a-token-that-works'] }))
    const variables = { COHERE_BASE_URL: cohere.origin, COHERE_TOKEN: 'a-token-that-is-wrong' }
    await using gateway = await start(variables)
    const { code, stdout, stderr } = await run(['doctor'], {
      variables: {
        ...variables,
        COHERE_TOKEN_2: 'a-token-that-works',
        HOST: '127.0.0.1',
        PORT: new URL(gateway.url).port,
      },
    })
    expect(code).toBe(1)
    expect(rowsOf(stdout).get('COHERE_TOKEN')).toMatchObject({
      2: 'refused',
      5: expect.stringContaining('COHERE_TOKEN'),
    })
    expect(stderr).toContain('It does not know cohere COHERE_TOKEN_2. Restart it to use the new settings.')
  })

  test('whose accounts are keys, or made on demand, asks the upstreams itself', async () => {
    const langfast = await closeLater(emulateLangfast())
    const variables = { ...(await lab('KEYED')), ...langfast.variables, STATE_URL: 'memory:' }
    await using gateway = await start(variables)
    const beside = { ...variables, HOST: '127.0.0.1', PORT: new URL(gateway.url).port }
    expect(await run(['doctor'], { variables: beside })).toMatchObject({ code: 0 })
  })

  test('that holds the state file names its process, and asks no upstream: 78', async () => {
    await using folder = await emptyFolder()
    const smithery = await closeLater(emulateSmithery())
    const variables = {
      ...smithery.variables,
      STATE_URL: `sqlite:${join(folder.path, 'state.db')}`,
      STATE_SECRET: 'a-secret-of-the-doctors-tests',
      PORT: '0',
    }
    const gateway = await start(variables)
    const { code, stdout, stderr } = await run(['doctor'], { variables })
    expect([code, stdout]).toEqual([78, ''])
    expect(stderr).toMatch(
      /^The state cannot be opened: Another tributary has the state file .* open\. Stop the other one first/,
    )
    expect(smithery.chats).toEqual([])
    await gateway[Symbol.asyncDispose]()
    expect(await run(['doctor'], { variables })).toMatchObject({ code: 0 })
  })

  test('stores a renewal in the file, so that a server can use it', async () => {
    await using folder = await emptyFolder()
    const smithery = await closeLater(emulateSmithery())
    const { access_token: token } = sessionIn(smithery.variables, 'SMITHERY_COOKIE_1')
    smithery.supabase.refuse(token)
    const variables = {
      ...smithery.variables,
      STATE_URL: `sqlite:${join(folder.path, 'state.db')}`,
      STATE_SECRET: 'a-secret-of-the-doctors-tests',
      PORT: '0',
    }
    expect(await run(['doctor'], { variables })).toMatchObject({ code: 0 })
    expect(smithery.supabase.counts.renewals).toBe(1)
    expect(await run(['doctor'], { variables })).toMatchObject({ code: 0 })
    expect(smithery.supabase.counts).toMatchObject({ renewals: 1, refusals: 0 })
  })
})

describe('doctor of a configuration', () => {
  test('without an upstream tries demo/echo, and says what to configure: 0', async () => {
    const { code, stdout } = await run(['doctor'], { variables: { PORT: '0' } })
    expect(code).toBe(0)
    expect(rowsOf(stdout).get('demo')).toMatchObject({
      2: 'works',
      5: expect.stringContaining('tributary help upstreams'),
    })
  })

  test('with problems reports all of them: 78', async () => {
    const { code, stdout, stderr } = await run(['doctor'], { variables: { SMITHERY_COOKIE_1: 'nothing-of-the-kind' } })
    expect([code, stdout]).toEqual([78, ''])
    expect(stderr).toContain('SMITHERY_COOKIE_1 does not contain a session')
    expect(stderr).not.toContain('nothing-of-the-kind')
  })
})

test('a client whose upstream refuses every account gets the name of the upstream and of the command', async () => {
  const refusing = await closeLater(emulateOpenai({ reply: () => ({ status: 401, headers: json, body: ['{}'] }) }))
  const key = 'sk-canary-of-a-refused-account'
  await using gateway = await start({
    UPSTREAM_LAB_URL: `${refusing.origin}/v1`,
    UPSTREAM_LAB_MODELS: 'm',
    UPSTREAM_LAB_API_KEY: `${key}-0`,
    UPSTREAM_LAB_KEY_2: `${key}-2`,
  })
  const body = JSON.stringify({ model: 'lab/m', messages: [{ role: 'user', content: 'Hello' }] })
  const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body })
  expect(response.status).toBe(502)
  const text = await response.text()
  expect(text).toContain('The account is UPSTREAM_LAB_KEY_2: `tributary doctor` shows what to do.')
  expect(text).not.toContain(key)
})

test('a proxy for upstreams is not used for our own server, and does not get its key', async () => {
  const seen: string[] = []
  const proxy = await closeLater(
    emulateHttp((exchange) => {
      seen.push('asked')
      exchange.reply(502, '{}')
    }),
  )
  const key = 'sk-canary-of-the-proxy-test'
  const variables = { API_MASTER_KEY: key, ...(await lab('NEAR')) }
  await using gateway = await start(variables)
  const beside = {
    ...variables,
    HOST: '127.0.0.1',
    PORT: new URL(gateway.url).port,
    HTTP_PROXY: proxy.origin,
  }
  expect(await run(['health'], { variables: beside })).toMatchObject({ code: 0 })
  expect(await run(['doctor'], { variables: beside })).toMatchObject({ code: 0 })
  expect(seen).toEqual([])
})

describe("the server's report for the doctor", () => {
  test('is JSON for a client with the key', async () => {
    const smithery = await closeLater(emulateSmithery())
    const key = 'sk-of-the-doctors-own-test'
    await using gateway = await start({ ...smithery.variables, ...(await lab('GOOD')), API_MASTER_KEY: key })
    const headers = { authorization: `Bearer ${key}` }
    const ask = async (method: string, path: string) => {
      const response = await fetch(gateway.url + path, { method, headers })
      return [response.status, await response.json()]
    }
    expect((await fetch(`${gateway.url}/admin/upstreams`)).status).toBe(401)
    const models = { count: expect.any(Number), known: expect.any(Boolean), fixed: expect.any(Boolean), age_ms: null }
    const breaker = { state: 'good', ejected_ms: 0, models: [] }
    const idle = {
      running_calls: 0,
      retry_budget: { left: expect.any(Number), max: 20 },
      breaker,
      used_up: null,
      models,
    }
    const rested = { until: null, why: null, models: null, quota: [] }
    const usable = { state: 'ok', ...rested, expires_at: null, renewed_at: null }
    expect(await ask('GET', '/admin/upstreams')).toMatchObject([
      200,
      {
        object: 'list',
        data: [
          {
            name: 'good',
            provider: 'openai-compatible',
            address: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v1$/),
            host: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
            ...idle,
            ...{ is_web_product: false, credential: { variable: 'UPSTREAM_GOOD_KEY', kind: 'key' }, terms: null },
            accounts: [{ label: 'good', source: 'environment', variable: 'UPSTREAM_GOOD_URL', ...usable }],
          },
          {
            name: 'smithery',
            provider: 'smithery',
            address: smithery.origin,
            host: new URL(smithery.origin).host,
            ...idle,
            ...{ is_web_product: true, credential: { variable: 'SMITHERY_COOKIE', kind: 'session' }, terms: null },
            accounts: [
              { label: 'SMITHERY_COOKIE_1', variable: 'SMITHERY_COOKIE_1', ...usable, expires_at: expect.any(String) },
            ],
          },
        ],
        calls: { running: 0, permits: expect.any(Number), waiting: 0 },
      },
    ])
    expect(await ask('POST', '/admin/upstreams/good/test')).toEqual([
      200,
      {
        upstream: 'good',
        accounts: [
          { account: 'good', works: true, model: 'gpt-lab', took_ms: expect.any(Number), quota: [], error: null },
        ],
      },
    ])
    for (const path of ['/admin/upstreams/none/test', '/admin/upstreams/good', '/admin/upstreams/good/test/x'])
      expect(await ask('POST', path)).toMatchObject([404, { error: { code: 'not_found' } }])
  })

  test('needs no key for programs of this machine only', async () => {
    await using gateway = await start({
      HOST: '0.0.0.0',
      ALLOW_UNAUTHENTICATED: 'true',
      ALLOWED_HOSTS: 'gateway.example',
    })
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${gateway.url}/admin/upstreams`, { headers })).status
    expect(await status({})).toBe(200)
    for (const headers of [
      { host: 'gateway.example' },
      { 'x-forwarded-for': '203.0.113.7' },
      { forwarded: 'for=203.0.113.7' },
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
    ])
      expect({ headers, status: await status(headers) }).toEqual({ headers, status: 403 })
  })

  test('makes a resting account usable if it works again', async () => {
    let isWell = false
    const emulator = await closeLater(
      emulateOpenai({
        models: ['m'],
        reply: () => (isWell ? undefined : { status: 401, headers: json, body: ['{}'] }),
      }),
    )
    await using gateway = await start({ UPSTREAM_LAB_URL: `${emulator.origin}/v1`, UPSTREAM_LAB_MODELS: 'm' })
    const test = async () => (await fetch(`${gateway.url}/admin/upstreams/lab/test`, { method: 'POST' })).json()
    const state = async () => {
      const body = JSON.stringify(await (await fetch(`${gateway.url}/admin/upstreams`)).json())
      return /"state":"([a-z-]+)"/.exec(body)?.[1]
    }
    expect(await test()).toMatchObject({ accounts: [{ works: false, error: { reason: 'account-refused' } }] })
    expect(await state()).toBe('refused')
    isWell = true
    expect(await test()).toMatchObject({ accounts: [{ works: true }] })
    expect(await state()).toBe('ok')
  })
})

describe('doctor of MCP servers', () => {
  const raw = (mode: string) => ({
    command: process.execPath,
    args: [join(import.meta.dir, '../tools/raw-server.ts'), mode],
  })
  const failing = { command: 'sh', args: ['-c', 'echo "no room for canary-of-the-tools-test" >&2; exit 3'] }
  const servers = {
    good: raw('plain'),
    gone: { command: '/there/is/no/such/command' },
    failing,
    shut: { url: 'http://127.0.0.1:1/mcp' },
  }
  const variables = async (mcpServers: object) => ({
    ...(await lab('TOOLED')),
    UPSTREAM_TOOLED_KEY: 'canary-of-the-tools-test',
    MCP_SERVERS: JSON.stringify({ mcpServers }),
    STATE_URL: 'memory:',
  })
  const expected = [
    { server: 'good', transport: 'stdio', state: 'connected', tools: 5, why: '', advice: '' },
    {
      server: 'gone',
      transport: 'stdio',
      state: 'failed',
      tools: 0,
      // on a busy machine its closed output is seen before its exit code
      why: expect.stringMatching(/^its (command could not be found \(exit code 127\)|connection broke)$/),
      stderr: expect.stringContaining('/there/is/no/such/command'),
      advice: expect.stringContaining('Run its command by hand'),
    },
    { server: 'failing', state: 'failed', why: 'its process ended (exit code 3)', stderr: 'no room for [secret]' },
    { server: 'shut', transport: 'http', state: 'failed', why: 'it could not be reached', stderr: '' },
  ]

  test('reports the state of each, in a table and in JSON; they do not change the exit code', async () => {
    const alone = { ...(await variables(servers)), PORT: '0' }
    const [shown, json] = await Promise.all([
      run(['doctor'], { variables: alone }),
      run(['doctor', '--json'], { variables: alone }),
    ])
    expect([shown.code, json.code]).toEqual([0, 0])
    expect(JSON.parse(json.stdout)).toMatchObject({ works: true, tool_servers: expected })
    expect(shown.stdout).toMatch(/^MCP server +state +tools +why/m)
    expect(shown.stdout).toMatch(/^gone +failed +0 +its command could not be found/m)
    expect(shown.stderr).toContain('MCP server good: connected\n')
    expect(shown.stdout + shown.stderr + json.stdout).not.toContain('canary-of-the-tools-test')
  })

  test('asks the running server, and names the MCP servers that it does not have', async () => {
    const settings = await variables(servers)
    await using gateway = await start(settings)
    const where = { HOST: '127.0.0.1', PORT: new URL(gateway.url).port }
    const ask = async (more: Variables) => run(['doctor', '--json'], { variables: { ...settings, ...where, ...more } })
    // waits for the servers that are starting
    await fetch(`${gateway.url}/api/tools`)
    // a client without a key gets no path and no reason
    expect(await (await fetch(`${gateway.url}/ready`)).json()).toEqual({
      status: 'ready',
      state: 'ok',
      upstreams: 'ok',
      accounts: 'ok',
      drift: 'none',
      load: 'ok',
      tools: { builtin: 'connected', good: 'connected', gone: 'failed', failing: 'failed', shut: 'failed' },
    })
    const { code, stdout, stderr } = await ask({
      MCP_SERVERS: JSON.stringify({ mcpServers: { ...servers, later: failing } }),
    })
    expect(code).toBe(0)
    const report = JSON.parse(stdout)
    expect(report.tool_servers).toMatchObject(expected)
    expect(report.tool_servers).toHaveLength(4)
    expect([report.server, report.problems]).toEqual([gateway.url, []])
    // the server's own list of what needs somebody
    expect(report.needs).toContainEqual(expect.objectContaining({ kind: 'tool_server_failed', severity: 'warning' }))
    expect(stderr).toContain('It does not know the MCP server later. Restart it')
  })
})

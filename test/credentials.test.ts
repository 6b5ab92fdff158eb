/** Credentials of upstreams that are added, replaced and removed while the program runs. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type App, openApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import type { RawVariables } from '../src/config/spelled-values.ts'
import { emulateCto, emulatedUser } from '../src/providers/cto/emulator/index.ts'
import { emulateOpenai, type OpenaiEmulator } from '../src/providers/openai-compatible/emulator/index.ts'
import { emulateSmithery } from '../src/providers/smithery/emulator/index.ts'
import { MemoryStore } from '../src/state/memory/memory-store.ts'
import { installedServers, startRedis } from '../src/state/redis/real-redis.double.ts'
import { openLog } from '../src/telemetry/log.ts'
import { machine } from '../src/wire/machine.double.ts'
import { emptyFolder } from './e2e/program.ts'
import { until } from './waiting.ts'

const master = 'sk-master-0123456789abcdef'
const keys = Array.from({ length: 12 }, (_, at) => `sk-good-${at}-0123456789abcdef`)
const [good = '', better = ''] = keys
const bad = 'sk-refused-0123456789abcdef'
const secrets = [...keys, bad]

let lab: OpenaiEmulator
beforeAll(async () => {
  lab = await emulateOpenai({ keys, models: ['one'] })
})
afterAll(() => lab.close())

const Account = z.object({
  label: z.string(),
  source: z.string(),
  variable: z.string().nullable(),
  state: z.string(),
  until: z.string().nullable(),
  why: z.string().nullable(),
  expires_at: z.iso.datetime().nullable(),
})
const Listed = z.object({
  data: z.array(z.object({ name: z.string(), accounts: z.array(Account) })),
  available: z.array(z.object({ variable: z.string(), upstream: z.string().nullable() })),
})
const Warned = z.object({ warnings: z.array(z.string()) })
const Problem = z.object({ error: z.object({ message: z.string(), code: z.string(), param: z.string().nullable() }) })

interface Running extends AsyncDisposable {
  readonly app: App
  /** All that the admin API has answered, and the log. */
  readonly said: string[]
  ask(line: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>
  /** The accounts: `upstream label source state` */
  accounts(): Promise<readonly string[]>
  /** Sends a chat. @returns the status and the upstream */
  chat(model: string): Promise<string>
}

/** Opens the whole program. By default its state is in memory, and it has only the demo. */
async function start(variables: RawVariables = {}): Promise<Running> {
  const set = { HOST: '127.0.0.1', PORT: '0', API_MASTER_KEY: master, SHUTDOWN_GRACE: '1', ...variables }
  const read = () => readConfig(set, false)
  const config = read()
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  const said: string[] = []
  const log = openLog({ runtime: machine, level: 'trace', format: 'json', write: (line) => void said.push(line) })
  const store = 'STATE_URL' in variables ? await config.state.open(machine) : new MemoryStore({ runtime: machine })
  const app = openApp(config, log, store, { runtime: machine, read })
  await app.ready
  const headers = { authorization: `Bearer ${master}`, 'content-type': 'application/json' }
  const ask = async (line: string, body?: unknown) => {
    const [method = '', path = ''] = line.split(' ')
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(app.url + path, { method, headers, ...sent })
    const text = await response.text()
    said.push(text)
    return { status: response.status, body: JSON.parse(text) }
  }
  return {
    app,
    said,
    ask,
    async accounts() {
      const { data } = Listed.parse((await ask('GET /admin/upstreams')).body)
      return data.flatMap(({ name, accounts }) =>
        accounts.map(({ label, source, state }) => `${name} ${label} ${source} ${state}`),
      )
    },
    async chat(model) {
      const body = JSON.stringify({ model, messages: [{ role: 'user', content: crypto.randomUUID() }] })
      const response = await fetch(`${app.url}/v1/chat/completions`, { method: 'POST', headers, body })
      await response.text()
      return `${response.status} ${response.headers.get('x-tributary-upstream')}`
    },
    [Symbol.asyncDispose]: () => app.close(),
  }
}

/** The status, code and parameter of an error. */
function failureOf({ status, body }: { readonly status: number; readonly body: unknown }) {
  const { code, param } = Problem.parse(body).error
  return [status, code, param]
}

const ofLab = (more: RawVariables = {}) => ({ UPSTREAM_LAB_URL: lab.url, ...more })

describe('a credential that is pasted', () => {
  test('turns on the first real upstream, without a restart', async () => {
    await using gateway = await start()
    expect(await gateway.accounts()).toEqual(['demo demo environment ok'])
    const added = await gateway.ask('POST /admin/accounts', { variables: ofLab({ UPSTREAM_LAB_KEY: good }) })
    expect(added).toMatchObject({
      status: 201,
      body: { upstream: 'lab', accounts: ['UPSTREAM_LAB_KEY'], test: { works: true, model: 'one', error: null } },
    })
    expect(await gateway.accounts()).toEqual(['lab UPSTREAM_LAB_KEY state ok'])
    expect(await gateway.chat('lab/one')).toBe('200 lab')
    const settings = await gateway.ask('GET /admin/settings')
    expect(JSON.stringify(settings.body)).toContain('"name":"UPSTREAM_LAB_KEY","value":null')
    expect(JSON.stringify(settings.body)).toContain('"origin":"the state"')
    for (const secret of secrets) expect(gateway.said.join()).not.toContain(secret)
  })

  test('is one account more, may be replaced and removed, and the last one takes its address with it', async () => {
    await using gateway = await start(ofLab({ UPSTREAM_LAB_KEY: good }))
    const variables = { UPSTREAM_LAB_KEY_2: better }
    expect((await gateway.ask('POST /admin/accounts', { variables })).status).toBe(201)
    expect(failureOf(await gateway.ask('POST /admin/accounts', { variables }))).toEqual([
      409,
      'credential_exists',
      null,
    ])
    const replaced = await gateway.ask('PUT /admin/accounts/UPSTREAM_LAB_KEY_2', { value: keys[2] })
    expect(replaced).toMatchObject({ status: 200, body: { upstream: 'lab', accounts: ['UPSTREAM_LAB_KEY_2'] } })
    const same = await gateway.ask('PUT /admin/accounts/UPSTREAM_LAB_KEY_2', { value: `${keys[2]} ` })
    expect(same).toMatchObject({ status: 200, body: { test: { account: 'UPSTREAM_LAB_KEY_2', works: true } } })
    expect(await gateway.accounts()).toEqual(['lab UPSTREAM_LAB_KEY environment ok', 'lab UPSTREAM_LAB_KEY_2 state ok'])
    const from = lab.requests.length
    for (let calls = 0; calls < 2; calls++) expect(await gateway.chat('lab/one')).toBe('200 lab')
    const chats = lab.requests.slice(from).filter(({ path }) => path === '/v1/chat/completions')
    const used = chats.map(({ headers }) => headers.get('authorization'))
    expect(used.toSorted()).toEqual([`Bearer ${good}`, `Bearer ${keys[2]}`])
    const removed = await gateway.ask('DELETE /admin/accounts/UPSTREAM_LAB_KEY_2')
    expect(removed.body).toEqual({
      variable: 'UPSTREAM_LAB_KEY_2',
      deleted: true,
      removed: ['UPSTREAM_LAB_KEY_2'],
    })
    expect(await gateway.accounts()).toEqual(['lab UPSTREAM_LAB_KEY environment ok'])
    expect((await gateway.ask('DELETE /admin/accounts/UPSTREAM_LAB_KEY_2')).status).toBe(404)
    for (const secret of secrets) expect(gateway.said.join()).not.toContain(secret)
  })

  test('takes the address of its server with it when it goes', async () => {
    await using gateway = await start()
    const variables = ofLab({ UPSTREAM_LAB_KEY: good, UPSTREAM_LAB_MODELS: 'one' })
    await gateway.ask('POST /admin/accounts', { variables })
    const { body } = await gateway.ask('DELETE /admin/accounts/UPSTREAM_LAB_KEY')
    expect(body).toMatchObject({ removed: ['UPSTREAM_LAB_KEY', 'UPSTREAM_LAB_URL', 'UPSTREAM_LAB_MODELS'] })
    expect(await gateway.accounts()).toEqual(['demo demo environment ok'])
    const again = await gateway.ask('POST /admin/accounts', { variables })
    expect(again.status).toBe(201)
    const address = await gateway.ask('DELETE /admin/accounts/UPSTREAM_LAB_URL')
    expect(address.body).toMatchObject({ deleted: true })
    expect(await gateway.accounts()).toEqual(['demo demo environment ok'])
  })

  test('that the upstream refuses is not kept, even by force', async () => {
    await using gateway = await start(ofLab({ UPSTREAM_LAB_KEY: good }))
    const variables = { UPSTREAM_LAB_KEY_2: bad }
    const refused = await gateway.ask('POST /admin/accounts', { variables, force: true })
    expect(failureOf(refused)).toEqual([400, 'credential_refused', 'UPSTREAM_LAB_KEY_2'])
    expect(await gateway.accounts()).toEqual(['lab UPSTREAM_LAB_KEY environment ok'])
    expect((await gateway.ask('PUT /admin/accounts/UPSTREAM_LAB_KEY_2', { value: good })).status).toBe(404)
    expect(gateway.said.join()).not.toContain(bad)
  })

  test('that cannot be tested is kept only by force', async () => {
    await using gateway = await start()
    const closed = await emulateOpenai({})
    await closed.close()
    const variables = { UPSTREAM_AWAY_URL: closed.url, UPSTREAM_AWAY_KEY: good, UPSTREAM_AWAY_MODELS: 'm' }
    const failed = await gateway.ask('POST /admin/accounts', { variables })
    expect(failureOf(failed)).toEqual([400, 'credential_not_tested', 'UPSTREAM_AWAY_KEY'])
    expect(await gateway.accounts()).toEqual(['demo demo environment ok'])
    const forced = await gateway.ask('POST /admin/accounts', { variables, force: true })
    expect(forced).toMatchObject({ status: 201, body: { test: { works: false } } })
    expect(await gateway.accounts()).toEqual(['away UPSTREAM_AWAY_KEY state ok'])
  })

  test('of the environment is read-only', async () => {
    await using gateway = await start(ofLab({ UPSTREAM_LAB_KEY: good, CO_API_KEY: 'co-0123456789' }))
    const conflict = [409, 'credential_in_environment', null]
    const put = await gateway.ask('PUT /admin/accounts/UPSTREAM_LAB_KEY', { value: better })
    expect(failureOf(put)).toEqual(conflict)
    expect(failureOf(await gateway.ask('DELETE /admin/accounts/UPSTREAM_LAB_KEY'))).toEqual(conflict)
    // also under another spelling
    for (const variables of [{ UPSTREAM_LAB_KEY: better }, { COHERE_TOKEN: better }])
      expect(failureOf(await gateway.ask('POST /admin/accounts', { variables }))).toEqual(conflict)
  })

  const unsent = 'sk-unsent-0123456789abcdef'
  const addresses = [
    ['OPENAI_API_KEY', 'OPENAI_BASE_URL'],
    ['GROQ_API_KEY_3', 'GROQ_BASE_URL'],
    ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'],
    ['CO_API_KEY', 'COHERE_BASE_URL'],
    ['AI21_API_KEY', 'AI21_BASE_URL'],
    ['MISTRAL_API_KEY', 'MISTRAL_BASE_URL'],
  ] as const
  test('of the environment is sent to no address that comes from elsewhere, even by force', async () => {
    for (const [name, address] of addresses) {
      await using gateway = await start({ [name]: unsent })
      const added = await gateway.ask('POST /admin/accounts', { variables: { [address]: lab.url }, force: true })
      expect([address, added.status]).toEqual([address, 409])
      expect(failureOf(added)).toEqual([409, 'credential_in_environment', null])
    }
    expect(lab.requests.filter(({ headers }) => JSON.stringify([...headers]).includes(unsent))).toEqual([])
  })

  test('before is sent to no address that comes later, even by force', async () => {
    const other = await emulateOpenai({ models: ['one'] })
    await using gateway = await start()
    await gateway.ask('POST /admin/accounts', { variables: ofLab({ UPSTREAM_LAB_KEY: good }) })
    const moved = await gateway.ask('PUT /admin/accounts/UPSTREAM_LAB_URL', { value: other.url, force: true })
    expect(failureOf(moved)).toEqual([409, 'credential_exists', null])
    expect(other.requests).toEqual([])
    expect(await gateway.chat('lab/one')).toBe('200 lab')
    await other.close()
  })

  const wrong: readonly (readonly [name: string, variables: unknown, param: string])[] = [
    ['a cookie without a session', { CLERK_COOKIE: 'nonsense' }, 'CLERK_COOKIE'],
    ['a key with white space', { OPENAI_API_KEY: 'two words' }, 'OPENAI_API_KEY'],
    ['a key without its address', { UPSTREAM_LAB_KEY: good }, 'UPSTREAM_LAB_URL'],
    ['an address that is none', { UPSTREAM_LAB_URL: 'nonsense' }, 'UPSTREAM_LAB_URL'],
    ['a setting of the gateway', { MAX_QUEUE: '1' }, 'MAX_QUEUE'],
    ['a key of the gateway', { API_KEYS_FILE: '/etc/passwd' }, 'API_KEYS_FILE'],
    ['tool servers', { MCP_SERVERS: '{}' }, 'MCP_SERVERS'],
    ['the user agent', { UPSTREAM_USER_AGENT: 'x' }, 'UPSTREAM_USER_AGENT'],
    ['a variable that nobody reads', { LD_PRELOAD: 'x' }, 'LD_PRELOAD'],
    ['another spelling', { COHERE_API_KEY: good }, 'COHERE_API_KEY'],
    ['a name that is none', { [bad]: good }, 'variables'],
    ['an empty text', { OPENAI_API_KEY: ' ' }, 'OPENAI_API_KEY'],
    ['a number', { OPENAI_API_KEY: 1 }, 'variables'],
    ['nothing', {}, 'variables'],
    ['two upstreams', { OPENAI_API_KEY: good, GROQ_API_KEY: good }, 'OPENAI_API_KEY'],
  ]
  test('is refused with the variable and the remedy if it cannot be one', async () => {
    await using gateway = await start()
    for (const [name, variables, param] of wrong) {
      const failed = await gateway.ask('POST /admin/accounts', { variables })
      expect([name, failed.status, failureOf(failed)[2] ?? null]).toEqual([name, 400, param])
    }
    for (const name of ['constructor', '__proto__', bad])
      for (const line of [`DELETE /admin/accounts/${name}`, `PUT /admin/accounts/${name}`])
        expect((await gateway.ask(line, { value: good })).status).toBe(404)
    expect(gateway.said.join()).not.toContain(bad)
    expect(await gateway.accounts()).toEqual(['demo demo environment ok'])
  })

  test('says when it ends, also if nobody renews it', async () => {
    const smithery = await emulateSmithery()
    const { SMITHERY_SUPABASE_ANON_KEY: anonKey = '', ...variables } = smithery.variables
    for (const more of [{}, { SMITHERY_SUPABASE_ANON_KEY: anonKey }]) {
      await using gateway = await start({ ...variables, ...more })
      const { data } = Listed.parse((await gateway.ask('GET /admin/upstreams')).body)
      const ends = data.flatMap(({ accounts }) => accounts.map(({ expires_at }) => Date.parse(expires_at ?? '')))
      expect(ends.map((end) => end > Date.now())).toEqual([true])
    }
    await smithery.close()
  })

  test('may be one of ten at once, of which none is lost', async () => {
    await using gateway = await start(ofLab())
    const names = keys.slice(0, 10).map((value, at) => [`UPSTREAM_LAB_KEY_${at + 1}`, value] as const)
    const added = await Promise.all(
      names.map(([name, value]) => gateway.ask('POST /admin/accounts', { variables: { [name]: value } })),
    )
    expect(added.map(({ status }) => status)).toEqual(names.map(() => 201))
    const listed = await gateway.accounts()
    expect(listed.toSorted()).toEqual(names.map(([name]) => `lab ${name} state ok`).toSorted())
    // all under one name: one is first
    const raced = await Promise.all(
      keys.map((value) => gateway.ask('POST /admin/accounts', { variables: { UPSTREAM_LAB_KEY_99: value } })),
    )
    expect(raced.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, ...keys.slice(1).map(() => 409)])
  })
})

test('only an admin may add, replace or remove one, or let an account rest', async () => {
  await using gateway = await start(ofLab({ UPSTREAM_LAB_KEY: good }))
  const made = await gateway.ask('POST /admin/keys', { name: 'phone' })
  const { key } = z.object({ key: z.string() }).parse(made.body)
  const account = '/admin/upstreams/lab/accounts/UPSTREAM_LAB_KEY'
  for (const [line, body] of [
    ['POST /admin/accounts', { variables: { UPSTREAM_LAB_KEY_2: better } }],
    ['PUT /admin/accounts/UPSTREAM_LAB_KEY', { value: better }],
    ['DELETE /admin/accounts/UPSTREAM_LAB_KEY', undefined],
    [`POST ${account}/rest`, { minutes: 1 }],
    [`POST ${account}/wake`, undefined],
  ] as const) {
    const [method = '', path = ''] = line.split(' ')
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const response = await fetch(gateway.app.url + path, { method, headers, body: JSON.stringify(body) })
    expect([line, response.status]).toEqual([line, 403])
    // nor a page of another site, which has no key
    const foreign = { ...headers, authorization: '', origin: 'https://evil.example' }
    const asked = await fetch(gateway.app.url + path, { method, headers: foreign, body: JSON.stringify(body) })
    expect([line, asked.status]).toEqual([line, 401])
  }
  expect(await gateway.accounts()).toEqual(['lab UPSTREAM_LAB_KEY environment ok'])
})

describe('the other accounts', () => {
  test('keep their rests, and their sessions are not renewed again', async () => {
    const users = [emulatedUser('TEST0001'), emulatedUser('TEST0002')] as const
    const cto = await emulateCto({ users })
    const { CLERK_COOKIE_2: second = '', ...first } = cto.variables
    await using gateway = await start({ ...first, ...ofLab({ UPSTREAM_LAB_KEY: good, UPSTREAM_LAB_KEY_1: bad }) })
    const tokens = () => cto.requests.filter(({ path }) => path.includes('/tokens')).length
    expect(await gateway.chat('cto/ClaudeSonnet4_5')).toBe('200 cto')
    for (let calls = 0; calls < 3; calls++) await gateway.chat('lab/one')
    const before = await gateway.accounts()
    expect(before).toContain('lab UPSTREAM_LAB_KEY_1 environment refused')
    const renewals = tokens()
    await gateway.ask('POST /admin/upstreams/lab/accounts/UPSTREAM_LAB_KEY/rest', { minutes: 5 })
    const added = await gateway.ask('POST /admin/accounts', { variables: { CLERK_COOKIE_2: second } })
    expect(added).toMatchObject({ status: 201, body: { upstream: 'cto', accounts: ['CLERK_COOKIE_2'] } })
    await gateway.ask('POST /admin/accounts', { variables: { UPSTREAM_LAB_KEY_2: better } })
    // the test has renewed the new one, and the pool goes on with that session
    expect(tokens()).toBe(renewals + 1)
    for (let calls = 0; calls < 4; calls++) expect(await gateway.chat('cto/ClaudeSonnet4_5')).toBe('200 cto')
    expect(tokens()).toBe(renewals + 1)
    expect(new Set(cto.chats.map(({ userId }) => userId)).size).toBe(2)
    const after = await gateway.accounts()
    expect(after).toContain('lab UPSTREAM_LAB_KEY_1 environment refused')
    expect(after).toContain('lab UPSTREAM_LAB_KEY environment cooling')
    expect(after).toContain('lab UPSTREAM_LAB_KEY_2 state ok')
    await cto.close()
  })
})

test('a session with tokens of one use outlives being added and removed again and again under load', async () => {
  const smithery = await emulateSmithery({ accounts: 2, supabase: { rule: 'strict', expiresIn: 5 } })
  const { SMITHERY_COOKIE_2: second = '', ...first } = smithery.variables
  await using gateway = await start(first)
  let isOver = false
  const load = Array.from({ length: 6 }, async () => {
    const answers: string[] = []
    while (!isOver) answers.push(await gateway.chat('smithery/gpt-5'))
    return answers
  })
  for (let times = 0; times < 4; times++) {
    const added = await gateway.ask('POST /admin/accounts', { variables: { SMITHERY_COOKIE_2: second } })
    expect(added).toMatchObject({ status: 201, body: { test: { works: true } } })
    await gateway.chat('smithery/gpt-5')
    expect((await gateway.ask('DELETE /admin/accounts/SMITHERY_COOKIE_2')).status).toBe(200)
  }
  await gateway.ask('POST /admin/accounts', { variables: { SMITHERY_COOKIE_2: second } })
  isOver = true
  const answers = (await Promise.all(load)).flat()
  expect(new Set(answers)).toEqual(new Set(['200 smithery']))
  expect(smithery.supabase.counts).toMatchObject({ refusals: 0 })
  expect(await gateway.accounts()).toEqual([
    'smithery SMITHERY_COOKIE_1 environment ok',
    'smithery SMITHERY_COOKIE_2 state ok',
  ])
  await smithery.close()
})

test('the accounts are listed in one order, whichever was used last', async () => {
  const names = ['UPSTREAM_LAB_KEY_1', 'UPSTREAM_LAB_KEY_2', 'UPSTREAM_LAB_KEY_10']
  await using gateway = await start(ofLab(Object.fromEntries(names.map((name, at) => [name, keys[at]]))))
  for (let calls = 0; calls < 4; calls++) {
    expect(await gateway.accounts()).toEqual(names.map((name) => `lab ${name} environment ok`))
    expect(await gateway.chat('lab/one')).toBe('200 lab')
  }
})

describe('an account that the operator puts to rest', () => {
  test('is not asked until it is woken, and says why', async () => {
    await using gateway = await start(ofLab({ UPSTREAM_LAB_KEY: good, UPSTREAM_LAB_KEY_2: better }))
    const path = '/admin/upstreams/lab/accounts/UPSTREAM_LAB_KEY'
    const rested = await gateway.ask(`POST ${path}/rest`, { minutes: 30 })
    expect(rested.body).toMatchObject({
      ...{ label: 'UPSTREAM_LAB_KEY', source: 'environment', variable: 'UPSTREAM_LAB_KEY' },
      ...{ state: 'cooling', why: 'rested_by_operator', until: expect.any(String) },
    })
    const from = lab.requests.length
    for (let calls = 0; calls < 4; calls++) expect(await gateway.chat('lab/one')).toBe('200 lab')
    // a test of the accounts does not end it
    await gateway.ask('POST /admin/upstreams/lab/test')
    expect(await gateway.accounts()).toContain('lab UPSTREAM_LAB_KEY environment cooling')
    const asked = lab.requests.slice(from).filter(({ path: to }) => to === '/v1/chat/completions')
    expect(asked.filter(({ headers }) => headers.get('authorization') === `Bearer ${good}`).length).toBe(1)
    const woken = await gateway.ask(`POST ${path}/wake`)
    expect(woken).toMatchObject({ status: 200, body: { state: 'ok', until: null, why: null } })
  })

  test('must exist, and must not need a login', async () => {
    const cto = await emulateCto()
    await using gateway = await start({ ...cto.variables, CLERK_COOKIE_1: '__client=a.b.c' })
    await gateway.ask('POST /admin/upstreams/cto/test')
    expect(await gateway.accounts()).toEqual(['cto CLERK_COOKIE_1 environment needs-login'])
    const path = '/admin/upstreams/cto/accounts'
    const needed = [409, 'credential_needed', null]
    expect(failureOf(await gateway.ask(`POST ${path}/CLERK_COOKIE_1/wake`))).toEqual(needed)
    expect(failureOf(await gateway.ask(`POST ${path}/CLERK_COOKIE_1/rest`, { minutes: 1 }))).toEqual(needed)
    expect((await gateway.ask(`POST ${path}/nobody/wake`)).status).toBe(404)
    for (const minutes of [0, 1.5, '5', 1e9])
      expect((await gateway.ask(`POST ${path}/CLERK_COOKIE_1/rest`, { minutes })).status).toBe(400)
    await cto.close()
  })
})

describe('the state', () => {
  const secret = { STATE_SECRET: 'a-secret-of-the-state-0123456789' }

  test('in a file keeps it over a restart, and nobody can read it there', async () => {
    await using folder = await emptyFolder()
    const variables = { ...secret, STATE_URL: `sqlite:${join(folder.path, 'state.db')}` }
    {
      await using gateway = await start(variables)
      const added = await gateway.ask('POST /admin/accounts', { variables: ofLab({ UPSTREAM_LAB_KEY: good }) })
      expect(added.status).toBe(201)
    }
    const bytes = readdirSync(folder.path).map((name) => readFileSync(join(folder.path, name), 'latin1'))
    expect(bytes.length).toBeGreaterThan(0)
    // the key is found where it is stored, so an unsealed value would be seen
    expect(bytes.join()).toContain('variables')
    for (const text of [good, lab.url, 'UPSTREAM_LAB', Buffer.from(good).toString('base64').slice(0, 20)])
      expect(bytes.join()).not.toContain(text)
    await using again = await start(variables)
    expect(await again.accounts()).toEqual(['lab UPSTREAM_LAB_KEY state ok'])
    expect(await again.chat('lab/one')).toBe('200 lab')
  })

  test('that is not encrypted takes none', async () => {
    await using folder = await emptyFolder()
    await using gateway = await start({ STATE_URL: `sqlite:${join(folder.path, 'state.db')}` })
    const refused = await gateway.ask('POST /admin/accounts', { variables: ofLab({ UPSTREAM_LAB_KEY: good }) })
    expect(failureOf(refused)).toEqual([409, 'state_not_encrypted', null])
  })

  test('gives way to the environment, and is still there when that is gone', async () => {
    await using folder = await emptyFolder()
    const variables = { ...secret, STATE_URL: `sqlite:${join(folder.path, 'state.db')}` }
    {
      await using gateway = await start(variables)
      await gateway.ask('POST /admin/accounts', { variables: ofLab({ UPSTREAM_LAB_KEY: good }) })
    }
    {
      await using gateway = await start({ ...variables, ...ofLab({ UPSTREAM_LAB_KEY: better }) })
      expect(await gateway.accounts()).toEqual(['lab UPSTREAM_LAB_KEY environment ok'])
    }
    {
      await using gateway = await start(variables)
      expect(await gateway.accounts()).toEqual(['lab UPSTREAM_LAB_KEY state ok'])
    }
  })

  test('never prevents a start: what does not fit any more is left out, and can be removed', async () => {
    await using folder = await emptyFolder()
    const variables = { ...secret, STATE_URL: `sqlite:${join(folder.path, 'state.db')}` }
    {
      await using gateway = await start(variables)
      const groq = { UPSTREAM_GROQ_URL: lab.url, UPSTREAM_GROQ_KEY: good }
      await gateway.ask('POST /admin/accounts', { variables: groq })
      await gateway.ask('POST /admin/accounts', { variables: ofLab({ UPSTREAM_LAB_KEY: good }) })
      expect(await gateway.accounts()).toEqual(['groq UPSTREAM_GROQ_KEY state ok', 'lab UPSTREAM_LAB_KEY state ok'])
    }
    // another upstream has its name now
    await using gateway = await start({ ...variables, GROQ_API_KEY: better })
    expect(await gateway.accounts()).toEqual(['groq GROQ_API_KEY environment ok', 'lab UPSTREAM_LAB_KEY state ok'])
    expect(gateway.said.join()).toContain('do not fit the configuration')
    const warnings = async () => Warned.parse((await gateway.ask('GET /admin/settings')).body).warnings.join()
    expect(await warnings()).toContain('UPSTREAM_GROQ_URL of the state is not used')
    expect((await gateway.ask('POST /admin/accounts', { variables: { UPSTREAM_LAB_KEY_2: better } })).status).toBe(201)
    expect((await gateway.ask('DELETE /admin/accounts/UPSTREAM_GROQ_URL')).status).toBe(200)
    expect((await gateway.ask('DELETE /admin/accounts/UPSTREAM_GROQ_KEY')).status).toBe(200)
    expect(await warnings()).toBe('')
    expect(await gateway.chat('lab/one')).toBe('200 lab')
  })

  test('stays in force when the configuration is read again', async () => {
    await using gateway = await start()
    await gateway.ask('POST /admin/accounts', { variables: ofLab({ UPSTREAM_LAB_KEY: good }) })
    expect((await gateway.ask('POST /admin/reload')).body).toMatchObject({ problems: [] })
    expect(await gateway.accounts()).toEqual(['lab UPSTREAM_LAB_KEY state ok'])
  })

  const needs = installedServers.length === 0 ? test.skip : test
  needs('in Redis is that of all replicas', async () => {
    await using redis = await startRedis(installedServers[0])
    const variables = { ...secret, STATE_URL: `redis+unix:${redis.socket}` }
    await using one = await start(variables)
    await using two = await start(variables)
    const seen = (line: string) => until(async () => (await two.accounts()).join() === line, 10_000, line)
    await one.ask('POST /admin/accounts', { variables: ofLab({ UPSTREAM_LAB_KEY: good }) })
    await seen('lab UPSTREAM_LAB_KEY state ok')
    expect(await two.chat('lab/one')).toBe('200 lab')
    await one.ask('POST /admin/upstreams/lab/accounts/UPSTREAM_LAB_KEY/rest', { minutes: 5 })
    await seen('lab UPSTREAM_LAB_KEY state cooling')
    await two.ask('POST /admin/accounts', { variables: { UPSTREAM_LAB_KEY_2: better } })
    await until(async () => (await one.accounts()).length === 2, 10_000, 'the second key is known')
    expect(await one.accounts()).toContain('lab UPSTREAM_LAB_KEY state cooling')
    const both = await Promise.all([one, two].map((gateway) => gateway.ask('DELETE /admin/accounts/UPSTREAM_LAB_KEY')))
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 404])
    for (const gateway of [one, two])
      await until(
        async () => (await gateway.accounts()).join() === 'lab UPSTREAM_LAB_KEY_2 state ok',
        10_000,
        'it is gone',
      )
  })
})

/** GET /admin/settings and POST /admin/reload: the configuration in force, and how it is read again. */
import { describe, expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Config, type Misconfigured, readConfig } from '../src/config/config.ts'
import { startApp, type TestApp } from './attacks/rig.ts'
import { startChild } from './chaos/child.ts'
import { emptyFolder } from './e2e/program.ts'

const master = 'sk-master-0123456789abcdef'
const upstreamKey = 'sk-upstream-canary-0123456789'

const Settings = z.object({
  data: z.array(
    z.object({
      name: z.string(),
      value: z.string().nullable(),
      is_secret: z.boolean(),
      is_set: z.boolean(),
      origin: z.string(),
      changes: z.enum(['now', 'restart']),
    }),
  ),
  env_file: z.string().nullable(),
  warnings: z.array(z.string()),
})
const Reload = z.object({
  changed: z.array(z.string()),
  at_next_start: z.array(z.string()),
  problems: z.array(z.object({ variable: z.string(), problem: z.string(), remedy: z.string() })),
})

type Variables = Readonly<Record<string, string>>

const headers = (key: string) => ({ authorization: `Bearer ${key}` })
const settingsOf = async (url: string, key = master) =>
  Settings.parse(await (await fetch(`${url}/admin/settings`, { headers: headers(key) })).json())
const reload = async (url: string, key = master) =>
  Reload.parse(await (await fetch(`${url}/admin/reload`, { method: 'POST', headers: headers(key) })).json())

/** Reads these variables as at the start. */
function read(variables: Variables): Config | Misconfigured {
  return readConfig({ HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'trace', SHUTDOWN_GRACE: '1', ...variables }, false)
}

/** A program whose configuration `change` replaces. */
function startChanging(variables: Variables): TestApp & { change(changed: Variables): void } {
  let current = variables
  const app = startApp(variables, { read: () => read(current) })
  return Object.assign(app, {
    change(changed: Variables) {
      current = changed
    },
  })
}

describe('GET /admin/settings', () => {
  test('shows values and where they come from, and no secret', async () => {
    await using app = startApp({
      API_MASTER_KEY: master,
      MAX_QUEUE: '7',
      UPSTREAM_A_URL: 'http://127.0.0.1:1',
      UPSTREAM_A_KEY: upstreamKey,
    })
    const response = await fetch(`${app.url}/admin/settings`, { headers: headers(master) })
    const text = await response.text()
    expect([text.includes(master), text.includes(upstreamKey)]).toEqual([false, false])
    const { data } = Settings.parse(JSON.parse(text))
    const named = (name: string) => data.find((setting) => setting.name === name)
    expect(named('MAX_QUEUE')).toMatchObject({ value: '7', is_secret: false, is_set: true, changes: 'now' })
    expect(named('MAX_STREAMS')).toMatchObject({ is_set: false, origin: 'default' })
    expect(named('STATE_URL')).toMatchObject({ value: 'memory:', changes: 'restart' })
    for (const name of ['API_MASTER_KEY', 'UPSTREAM_A_KEY'])
      expect(named(name)).toMatchObject({ value: null, is_secret: true, is_set: true, origin: 'environment' })
  })

  test('names the file, and warnings without their secrets', async () => {
    await using folder = await emptyFolder()
    const path = join(folder.path, 'my.env')
    writeFileSync(path, 'API_MASTER_KEY=short-key\nLOG_LEVEL=debug\n')
    await using child = await startChild({ HOST: '127.0.0.1' }, { args: ['--env-file', path] })
    const shown = await settingsOf(child.url, 'short-key')
    expect(shown.env_file).toBe(path)
    expect(shown.data.find(({ name }) => name === 'LOG_LEVEL')?.origin).toBe(`${path} line 2`)
    expect(shown.warnings).toContain('API_MASTER_KEY has a key of fewer than 16 characters, which can be guessed.')
    writeFileSync(path, 'API_MASTER_KEY=short-key\nLOG_LEVEL=warn\nPORT=1\n')
    expect(await reload(child.url, 'short-key')).toEqual({
      changed: ['LOG_LEVEL'],
      at_next_start: [],
      problems: [],
    })
    expect((await settingsOf(child.url, 'short-key')).data.find(({ name }) => name === 'LOG_LEVEL')?.value).toBe('warn')
  })
})

describe('POST /admin/reload', () => {
  test('says what has changed and what needs a restart', async () => {
    const variables = { API_MASTER_KEY: master, MAX_QUEUE: '7' }
    await using app = startChanging(variables)
    app.change({ ...variables, MAX_QUEUE: '8', SESSION_CACHE_TTL: '60' })
    const answer = { changed: ['MAX_QUEUE'], at_next_start: ['SESSION_CACHE_TTL'], problems: [] }
    expect(await reload(app.url)).toEqual(answer)
    expect((await settingsOf(app.url)).data.find(({ name }) => name === 'MAX_QUEUE')?.value).toBe('8')
    expect(app.app.configuration.lastReload).toMatchObject({ changed: ['MAX_QUEUE'], problems: [] })
  })

  test('names problems without values, and keeps the former configuration', async () => {
    const variables = { API_MASTER_KEY: master }
    await using app = startChanging(variables)
    app.change({ ...variables, UPSTREAM_A_URL: 'nonsense-canary' })
    const { changed, problems } = await reload(app.url)
    expect([changed, problems.map(({ variable }) => variable)]).toEqual([[], ['UPSTREAM_A_URL']])
    expect(JSON.stringify(problems)).not.toContain('canary')
    expect(app.app.configuration.lastReload?.problems).toEqual(problems)
    expect((await settingsOf(app.url)).data.some(({ name }) => name === 'UPSTREAM_A_URL')).toBe(false)
  })

  test('is for admins only', async () => {
    await using folder = await emptyFolder()
    const path = join(folder.path, 'keys.json')
    writeFileSync(path, JSON.stringify({ keys: [{ name: 'phone', key: 'sk-phone-0123456789abcdef' }] }))
    chmodSync(path, 0o600)
    await using app = startApp({ API_MASTER_KEY: master, API_KEYS_FILE: path })
    for (const [method, route] of [
      ['GET', '/admin/settings'],
      ['POST', '/admin/reload'],
    ] as const) {
      const refused = await fetch(app.url + route, { method, headers: headers('sk-phone-0123456789abcdef') })
      expect([route, refused.status]).toEqual([route, 403])
    }
  })
})

describe('a file that a variable names', () => {
  test('changes its variable when only its content changes', async () => {
    await using folder = await emptyFolder()
    const [keys, prices] = [join(folder.path, 'keys.json'), join(folder.path, 'prices.json')]
    const write = (rpm: number, input: number) => {
      writeFileSync(keys, JSON.stringify({ keys: [{ name: 'phone', key: 'sk-phone-0123456789abcdef', rpm }] }))
      writeFileSync(prices, JSON.stringify({ prices: { 'a/b': { input } } }))
      for (const path of [keys, prices]) chmodSync(path, 0o600)
    }
    write(1, 1)
    await using app = startChanging({ API_MASTER_KEY: master, API_KEYS_FILE: keys, PRICES_FILE: prices })
    expect((await reload(app.url)).changed).toEqual([])
    write(2, 1)
    expect((await reload(app.url)).changed).toEqual(['API_KEYS_FILE'])
    write(2, 2)
    expect((await reload(app.url)).changed).toEqual(['PRICES_FILE'])
  })
})

describe('a reload without the last key of an admin', () => {
  const phone = { name: 'phone', key: 'sk-phone-0123456789abcdef' }

  test('is refused, whether it would leave nobody or everybody', async () => {
    await using folder = await emptyFolder()
    const path = join(folder.path, 'keys.json')
    writeFileSync(path, JSON.stringify({ keys: [phone] }))
    chmodSync(path, 0o600)
    await using app = startChanging({ API_MASTER_KEY: master })
    app.change({})
    expect((await reload(app.url)).problems).toMatchObject([
      { variable: 'API_MASTER_KEY', problem: expect.stringContaining('everybody') },
    ])
    app.change({ API_KEYS_FILE: path })
    expect((await reload(app.url)).problems).toMatchObject([
      { variable: 'API_MASTER_KEY', problem: expect.stringContaining('nobody') },
    ])
    expect((await settingsOf(app.url)).data.length).toBeGreaterThan(10)
  })

  test('is accepted if it is meant, if another admin is left, and if there were no keys', async () => {
    await using folder = await emptyFolder()
    const path = join(folder.path, 'keys.json')
    writeFileSync(path, JSON.stringify({ keys: [{ ...phone, role: 'admin' }] }))
    chmodSync(path, 0o600)
    await using app = startChanging({ API_MASTER_KEY: master })
    app.change({ API_KEYS_FILE: path })
    expect((await reload(app.url)).problems).toEqual([])
    app.change({ ALLOW_UNAUTHENTICATED: 'true' })
    expect((await reload(app.url, phone.key)).problems).toEqual([])
    app.change({})
    expect((await reload(app.url, '')).problems).toEqual([])
  })

  test('is accepted if the state has the key of an admin', async () => {
    await using app = startChanging({ API_MASTER_KEY: master })
    const added = await fetch(`${app.url}/admin/keys`, {
      method: 'POST',
      headers: { ...headers(master), 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'owner', role: 'admin' }),
    })
    expect(added.status).toBe(200)
    app.change({})
    expect((await reload(app.url)).problems).toEqual([])
    expect((await fetch(`${app.url}/admin/settings`, { headers: headers(master) })).status).toBe(403)
  })
})

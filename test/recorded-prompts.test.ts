/** With RECORD_PROMPTS=true the texts of chats are kept: bounded, redacted, in memory, and shown to the operator and the key's holder only. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { openApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import { MemoryStore } from '../src/state/memory/memory-store.ts'
import { openLog } from '../src/telemetry/log.ts'
import { machine } from '../src/wire/machine.double.ts'

const folder = mkdtempSync(join(tmpdir(), 'recorded-prompts-'))
const emulator = await emulateOpenai({ keys: ['upstream-secret-0123456789'] })
const keys = { alice: 'sk-alice-0123456789', bob: 'sk-bob-012345678901', boss: 'sk-boss-0123456789' }
writeFileSync(
  join(folder, 'keys.json'),
  JSON.stringify({
    keys: [
      { name: 'alice', key: keys.alice },
      { name: 'bob', key: keys.bob },
      { name: 'boss', key: keys.boss, role: 'admin' },
    ],
  }),
  { mode: 0o600 },
)

function configWith(recordsPrompts: string) {
  const config = readConfig(
    {
      ...{ PORT: '0', LOG_LEVEL: 'trace', API_KEYS_FILE: join(folder, 'keys.json'), RECORD_PROMPTS: recordsPrompts },
      ...{ UPSTREAM_LAB_URL: emulator.url, UPSTREAM_LAB_KEY: 'upstream-secret-0123456789' },
    },
    false,
  )
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  return config
}

let setting = 'true'
const lines: string[] = []
const store = new MemoryStore({ runtime: machine })
const written: string[] = []
const watched = new Proxy(store, {
  get(target, name) {
    const member: unknown = Reflect.get(target, name)
    if (typeof member !== 'function') return member
    return (...given: unknown[]) => {
      written.push(JSON.stringify(given.filter((one) => typeof one === 'string')))
      return member.apply(target, given)
    }
  },
})
const app = openApp(
  configWith(setting),
  openLog({ runtime: machine, level: 'trace', format: 'json', write: (line) => void lines.push(line) }),
  watched,
  { runtime: machine, read: () => configWith(setting) },
)
await app.ready
afterAll(async () => {
  await app.close()
  await emulator.close()
  rmSync(folder, { recursive: true })
})

type Name = keyof typeof keys

function get(name: Name, path: string): Promise<Response> {
  return fetch(app.url + path, { headers: { authorization: `Bearer ${keys[name]}` } })
}

async function ask(name: Name, id: string, content: string, more: object = {}): Promise<Response> {
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys[name]}`, 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify({ model: 'lab/gpt-test', messages: [{ role: 'user', content }], ...more }),
  })
  await response.text()
  return response
}

async function labStats(): Promise<{ requests: number; failed: number }> {
  const { data } = Upstreams.parse(await (await get('boss', '/admin/upstreams')).json())
  return data.find(({ name }) => name === 'lab')?.stats ?? { requests: 0, failed: 0 }
}

const Upstreams = z.object({
  data: z.array(z.object({ name: z.string(), stats: z.object({ requests: z.int(), failed: z.int() }) })),
})

describe('recorded texts', () => {
  test('are shown to the operator and to the holder of the key, who is told that they are kept', async () => {
    for (const stream of [false, true]) {
      const response = await ask('alice', `own-${stream}`, 'my plain words', { stream })
      expect(response.headers.get('x-tributary-recorded')).toBe('true')
      const texts = { request: '[user]\nmy plain words\n\n', answer: 'You said: my plain words', is_cut: false }
      const seen = await (await get('boss', `/admin/requests/own-${stream}`)).json()
      expect(seen).toMatchObject({ key: 'alice', account: 'UPSTREAM_LAB_KEY', texts })
      const own = await (await get('alice', `/v1/requests/own-${stream}`)).json()
      expect(own).toMatchObject({ key: 'alice', account: null, texts, timeline: { attempts: [{ account: null }] } })
    }
    expect(await (await get('alice', '/v1/me')).json()).toMatchObject({ records_prompts: true })
    expect(JSON.stringify(await (await get('boss', '/admin/requests')).json())).not.toContain('plain words')
  })

  test('of another key are 404, also under an id that both have used', async () => {
    await ask('alice', 'of-alice', 'only for alice')
    for (const name of ['bob', 'boss'] as const) {
      const response = await get(name, '/v1/requests/of-alice')
      expect(response.status).toBe(404)
      expect(await response.text()).not.toContain('only for')
    }
    expect((await get('bob', '/admin/requests/of-alice')).status).toBe(403)
    await ask('alice', 'shared-id', 'first, by alice')
    await ask('bob', 'shared-id', 'then, by bob')
    expect(await (await get('alice', '/v1/requests/shared-id')).text()).toContain('first, by alice')
    expect(await (await get('bob', '/v1/requests/shared-id')).text()).toContain('then, by bob')
    expect((await get('alice', '/v1/requests/never')).status).toBe(404)
    expect((await fetch(`${app.url}/v1/requests/of-alice`)).status).toBe(401)
  })

  test('have no secret of the operator, and are neither in the log nor in the state', async () => {
    await ask('alice', 'secretive', 'I know upstream-secret-0123456789 and a canary-word')
    const body = await (await get('boss', '/admin/requests/secretive')).text()
    expect(body).toContain('I know [secret] and a canary-word')
    await ask('alice', 'failing', 'a canary-word', { model: 'lab/none' })
    expect(await (await get('boss', '/admin/requests/failing')).text()).toContain('canary-word')
    expect(lines.join('').includes('canary-word')).toBe(false)
    expect(written.join('').includes('canary-word')).toBe(false)
  })

  test('are forgotten when the setting is switched off, and no more are kept', async () => {
    const counted = await labStats()
    setting = 'false'
    app.configuration.reload()
    // the counts of the last hour stay
    expect(counted.requests).toBeGreaterThan(0)
    expect(await labStats()).toEqual(counted)
    expect(await (await get('alice', '/v1/requests/own-true')).json()).toMatchObject({ texts: null })
    const response = await ask('alice', 'unrecorded', 'nothing of this')
    expect(response.headers.get('x-tributary-recorded')).toBeNull()
    expect(await (await get('boss', '/admin/requests/unrecorded')).json()).toMatchObject({ texts: null, outcome: 'ok' })
    expect(await (await get('alice', '/v1/me')).json()).toMatchObject({ records_prompts: false })
    setting = 'true'
    app.configuration.reload()
    await ask('alice', 'again', 'kept again')
    expect(await (await get('alice', '/v1/requests/again')).text()).toContain('kept again')
  })
})

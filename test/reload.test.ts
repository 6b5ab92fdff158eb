/** SIGHUP: the configuration is read again while requests run. */
import { afterAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { openApp } from '../src/app.ts'
import { type Config, readConfig } from '../src/config/config.ts'
import { emulateOpenai, frame } from '../src/providers/openai-compatible/emulator/index.ts'
import { MemoryStore } from '../src/state/memory/memory-store.ts'
import { openLog } from '../src/telemetry/log.ts'
import { machine } from '../src/wire/machine.double.ts'
import { startChild } from './chaos/child.ts'
import { emptyFolder } from './e2e/program.ts'
import { until } from './waiting.ts'

const keys = { old: 'sk-old-0123456789abcdef', new: 'sk-new-0123456789abcdef' }
const emulators = [await emulateOpenai({ models: ['one'] }), await emulateOpenai({ models: ['two'] })] as const
const [first, second] = emulators
afterAll(() => Promise.all(emulators.map((emulator) => emulator.close())))

const ask = (url: string, key: string, model: string) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    // each is a conversation of its own, which may go to any account
    body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: crypto.randomUUID() }] }),
  })
const delta = (content: string) => frame({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
const end = [frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }), 'data: [DONE]\n\n']

test('SIGHUP changes keys, upstreams and routes, keeps running answers, and keeps the last good configuration', async () => {
  await using folder = await emptyFolder()
  const path = join(folder.path, '.env')
  const write = (...lines: readonly string[]) => writeFileSync(path, lines.join('\n'))
  const keyFile = join(folder.path, 'master-key')
  const writeKey = (key: string) => writeFileSync(keyFile, `${key}\n`, { mode: 0o600 })
  writeKey(keys.old)
  write(`API_MASTER_KEY_FILE=${keyFile}`, `UPSTREAM_A_URL=${first.url}`, 'ROUTES=fast = a/one')
  await using child = await startChild({ HOST: '127.0.0.1' }, { args: ['--env-file', path] })
  const reloaded = async (msg: string, count = 1) => {
    child.signal('SIGHUP')
    await until(() => child.lines.filter((line) => line.msg.includes(msg)).length >= count, 60_000, msg)
    return child.lines.findLast((line) => line.msg.includes(msg))
  }

  const gate = Promise.withResolvers<void>()
  async function* slow(): AsyncGenerator<string> {
    yield delta('Hello')
    await gate.promise
    yield* end
  }
  first.script({ body: slow() })
  const running = await ask(child.url, keys.old, 'fast')

  writeKey(keys.new)
  write(`API_MASTER_KEY_FILE=${keyFile}`, `UPSTREAM_B_URL=${second.url}`, 'ROUTES=fast = b/two', 'PORT=1')
  expect(await reloaded('read again')).toMatchObject({
    level: 'info',
    changed: ['API_MASTER_KEY', 'ROUTES', 'UPSTREAM_A_URL', 'UPSTREAM_B_URL'],
  })
  expect(JSON.stringify(child.lines)).not.toContain(keys.new)
  expect((await ask(child.url, keys.old, 'fast')).status).toBe(403)
  expect((await ask(child.url, keys.new, 'a/one')).status).toBe(404)
  const answered = await ask(child.url, keys.new, 'fast')
  expect([answered.status, answered.headers.get('x-tributary-upstream')]).toEqual([200, 'b'])
  expect(await answered.text()).toContain('[DONE]')

  write(`API_MASTER_KEY=${keys.old}`, 'UPSTREAM_B_URL=nonsense')
  expect(await reloaded('has a problem')).toMatchObject({ level: 'error', variable: 'UPSTREAM_B_URL' })
  expect(await (await ask(child.url, keys.new, 'fast')).text()).toContain('[DONE]')

  gate.resolve()
  expect(await running.text()).toContain('[DONE]')
})

const Shown = z.object({
  data: z.array(z.object({ name: z.string(), accounts: z.array(z.object({ label: z.string(), state: z.string() })) })),
})

describe('what is known', () => {
  const read = (variables: Readonly<Record<string, string>>): Config => {
    const config = readConfig({ HOST: '127.0.0.1', PORT: '0', ...variables }, false)
    if ('problems' in config) throw new Error(JSON.stringify(config.problems))
    return config
  }

  test('of the accounts of an unchanged upstream stays, and those of a changed one begin anew', async () => {
    const [key, other] = ['sk-a-0123456789abcdef', 'sk-b-0123456789abcdef']
    const upstream = await emulateOpenai({ keys: [other], models: ['one'] })
    const variables = {
      UPSTREAM_A_URL: upstream.url,
      UPSTREAM_A_KEY_1: key,
      UPSTREAM_A_KEY_2: other,
      UPSTREAM_B_URL: upstream.url,
      UPSTREAM_B_KEY: key,
    }
    const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
    const config = read(variables)
    const app = openApp(config, log, new MemoryStore({ runtime: machine }), {
      runtime: machine,
      read: () => read({ ...variables, UPSTREAM_B_KEY: other, LOG_LEVEL: 'error' }),
    })
    const states = async () => {
      const shown = Shown.parse(await (await fetch(`${app.url}/admin/upstreams`)).json())
      return shown.data.flatMap(({ name, accounts }) => accounts.map(({ label, state }) => `${name} ${label} ${state}`))
    }
    for (let at = 0; at < 2; at++) await (await ask(app.url, '', 'a/one')).text()
    await (await ask(app.url, '', 'b/one')).text()
    const before = await states()
    expect(before).toContain('a UPSTREAM_A_KEY_1 refused')
    expect(before).toContain('b UPSTREAM_B_KEY refused')
    app.configuration.reload()
    const after = await states()
    expect(after).toContain('a UPSTREAM_A_KEY_1 refused')
    expect(after).toContain('b UPSTREAM_B_KEY ok')
    expect(await (await ask(app.url, '', 'b/one')).text()).toContain('[DONE]')
    await app.close()
    await upstream.close()
  })
})

/** `NOTIFY_URL` of the whole program: a bad account is told on a real socket, and the command tries the places. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { ManualRuntime } from '../src/flow/runtime.double.ts'
import { emulateOpenai, type OpenaiEmulator } from '../src/providers/openai-compatible/emulator/index.ts'
import { MemoryStore } from '../src/state/memory/memory-store.ts'
import { openLog } from '../src/telemetry/log.ts'
import { machineWith } from '../src/wire/machine.double.ts'
import { build, emptyFolder, run } from './e2e/program.ts'
import { until } from './waiting.ts'

const master = 'sk-master-0123456789abcdef'
const token = '12345:canary-AAAAAAAAAAAA'
const received: { readonly path: string; readonly body: unknown }[] = []
const place = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    const { pathname } = new URL(request.url)
    received.push({ path: pathname, body: await request.json() })
    return new Response(null, { status: pathname === '/broken' ? 404 : 200 })
  },
})
const address = `127.0.0.1:${place.port}`

beforeAll(build, 120_000)

let lab: OpenaiEmulator
beforeAll(async () => {
  lab = await emulateOpenai({ keys: ['sk-good-0123456789abcdef'], models: ['one'] })
})
afterAll(async () => {
  await place.stop(true)
  await lab.close()
})

test('an account that its upstream refuses is told once, by a program whose clock the test moves', async () => {
  const clock = new ManualRuntime()
  const runtime = machineWith({
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    timers: clock.timers,
  })
  const config = readConfig(
    {
      ...{ HOST: '127.0.0.1', PORT: '0', API_MASTER_KEY: master, SHUTDOWN_GRACE: '1' },
      ...{ UPSTREAM_LAB_URL: lab.url, UPSTREAM_LAB_KEY: 'sk-wrong-0123456789abcdef', UPSTREAM_LAB_MODELS: 'one' },
      NOTIFY_URL: `http://${address}/hook ntfy+http://${address}/topic`,
    },
    false,
  )
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  const lines: string[] = []
  const log = openLog({ runtime, level: 'debug', format: 'json', write: (line) => void lines.push(line) })
  const app = openApp(config, log, new MemoryStore({ runtime }), { runtime, hostName: async () => 'box' })
  await app.ready
  let status = 0
  void fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${master}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'lab/one', messages: [{ role: 'user', content: 'prompt-canary' }] }),
  }).then((answer) => {
    status = answer.status
  })
  const isAnswered = async () => {
    await clock.advance(5)
    return status > 0
  }
  await until(isAnswered, 10_000, 'an answer')
  expect(status).toBeGreaterThanOrEqual(400)
  // the looks after 15, 30 and 45 seconds; then the clock stands still, so that no deadline of a request passes
  await clock.advance(46_000)
  await until(() => received.length === 2, 20_000, 'both places are told')
  await clock.advance(120_000)
  expect(received.map(({ path }) => path).toSorted()).toEqual(['/', '/hook'])
  const sentence = 'lab refuses the credential of the account UPSTREAM_LAB_KEY.'
  expect(received.find(({ path }) => path === '/hook')?.body).toMatchObject({
    event: 'needs',
    // other tests of the process have heard the time too, so this machine's clock may be wrong as well
    needs: expect.arrayContaining([
      expect.objectContaining({
        ...{ kind: 'account_refused', severity: 'urgent', state: 'begun', upstream: 'lab', sentence },
      }),
    ]),
  })
  expect(received.find(({ path }) => path === '/')?.body).toMatchObject({ topic: 'topic', priority: 5 })
  expect(JSON.stringify(received)).not.toMatch(/canary|sk-/)
  const closed = app.close()
  await clock.advance(5_000)
  await closed
})

test('`tributary notify` tries every place, and says what is wrong without its key', async () => {
  await using folder = await emptyFolder()
  received.length = 0
  const telegram = `http://${address}/bot${token}/sendMessage?chat_id=7`
  const tried = await run(['notify', '--json'], {
    cwd: folder.path,
    variables: { NOTIFY_URL: `http://${address}/broken, ${telegram}` },
  })
  expect(JSON.parse(tried.stdout)).toEqual({
    works: false,
    places: [
      { place: `webhook at ${address}`, works: false, why: 'It answered with HTTP 404. Check its address.' },
      { place: `telegram at ${address}`, works: true, why: '' },
    ],
  })
  expect(tried.code).toBe(1)
  expect(received.find(({ path }) => path === `/bot${token}/sendMessage`)?.body).toMatchObject({
    chat_id: '7',
    text: expect.stringContaining('Notifications of this gateway reach this place.'),
  })
  expect(tried.stdout + tried.stderr).not.toContain('canary')
})

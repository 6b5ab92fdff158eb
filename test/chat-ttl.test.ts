import { expect, test } from 'bun:test'
import { openApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { MemoryStore } from '../src/state/memory/memory-store.ts'
import { openLog } from '../src/telemetry/log.ts'
import { machine, machineWith } from '../src/wire/machine.double.ts'

const monthSeconds = 30 * 86_400

function configOf(variables: Readonly<Record<string, string>>) {
  const config = readConfig({ PORT: '0', ...variables }, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  return config
}

test('a chat is kept for CHAT_TTL seconds after its last message, longer than the threads of upstreams', async () => {
  let now = 1_000_000
  const store = new MemoryStore({ runtime: { now: () => now } })
  const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
  const app = openApp(configOf({ SESSION_CACHE_TTL: '1', CHAT_TTL: '100' }), log, store, {
    runtime: machineWith({ now: () => now }),
  })
  const say = async () => {
    const body = JSON.stringify({ session_id: 'a-chat-of-the-ttl-test', content: 'Hello' })
    const headers = { 'content-type': 'application/json' }
    expect(await (await fetch(`${app.url}/api/chat/stream`, { method: 'POST', headers, body })).text()).toContain(
      '"done"',
    )
  }
  const status = async () => (await fetch(`${app.url}/api/sessions/a-chat-of-the-ttl-test/messages`)).status
  await say()
  now += 60_000
  expect(await status()).toBe(200)
  await say()
  now += 99_000
  expect(await status()).toBe(200)
  now += 2_000
  expect(await status()).toBe(404)
  await app.close()
})

test('CHAT_TTL is a month by default if the state survives a restart, and SESSION_CACHE_TTL if it does not', () => {
  expect(configOf({}).chatTtlMs).toBe(3_600_000)
  expect(configOf({ SESSION_CACHE_TTL: '60' }).chatTtlMs).toBe(60_000)
  expect(configOf({ STATE_URL: 'sqlite:/a', SESSION_CACHE_TTL: '60' })).toMatchObject({
    sessionTtlMs: 60_000,
    chatTtlMs: monthSeconds * 1000,
  })
  expect(configOf({ STATE_DIRECTORY: '/a' }).chatTtlMs).toBe(monthSeconds * 1000)
  expect(configOf({ STATE_DIRECTORY: '/a', CHAT_TTL: '5' }).chatTtlMs).toBe(5_000)
  expect(configOf({ STATE_URL: 'memory:', CHAT_TTL: String(monthSeconds) }).chatTtlMs).toBe(monthSeconds * 1000)
})

/** P13: SIGTERM takes no new work and lets what runs end; a second signal ends it at once. */
import { afterAll, describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { connect } from 'node:net'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator.ts'
import type { Script } from '../../src/wire/emulated-script.ts'
import { until, within } from '../waiting.ts'
import { helloWor, helloWorld } from './cell.ts'
import { startChild } from './child.ts'
import { answered, ask, request } from './client.ts'
import { upstreamAt } from './gateway.ts'
import { cutAt, moments } from './scripts.ts'

async function* slowly(): AsyncGenerator<string> {
  for (const part of moments.E) {
    yield part
    await Bun.sleep(300)
  }
}

const scripts: Readonly<Record<string, () => Script>> = {
  slow: () => ({ body: slowly() }),
  silent: () => cutAt('A', 'stall'),
  stalled: () => cutAt('C', 'stall'),
  finished: () => cutAt('D', 'stall'),
}
const emulator = await emulateOpenai({ reply: ({ model }) => scripts[model]?.() })
afterAll(() => emulator.close())
const variables = Object.assign({}, ...Object.keys(scripts).map((name) => upstreamAt(name, emulator.url)))

describe('P13: shutdown', () => {
  test.concurrent('running answers end well, new requests are refused, and then it exits with 0', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '20' })
    const responses = await Promise.all(Array.from({ length: 20 }, () => request(child.url, { model: 'slow' })))
    child.signal('SIGTERM')
    await until(() => child.lines.some(({ msg }) => msg === 'stopping'), 10_000, 'it stops')
    await expect(ask(child.url, { model: 'slow' })).rejects.toThrow()
    const answers = await Promise.all(responses.map(async (response) => answered(response, await response.text())))
    for (const { text, dones, errors } of answers)
      expect({ text, dones, errors }).toEqual({ text: helloWorld, dones: 1, errors: [] })
    expect(await within(child.exited, 10_000, 'it exits once the last answer has ended, not after the grace')).toBe(0)
  })

  test.concurrent('connections that are only kept alive hold up nothing', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '20' })
    const { port, hostname, host } = new URL(child.url)
    const socket = connect(Number(port), hostname)
    socket.write(`GET /health HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    await once(socket, 'data')
    child.signal('SIGTERM')
    expect(await within(child.exited, 10_000, 'it exits, not after the grace')).toBe(0)
    socket.destroy()
  })

  test.concurrent('what outstays the grace gets an error event, a status, or the end it had earned', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '1' })
    const stalled = await request(child.url, { model: 'stalled' })
    const finished = await request(child.url, { model: 'finished' })
    const silent = ask(child.url, { model: 'silent' })
    const whole = ask(child.url, { model: 'silent', stream: false })
    await until(() => emulator.chats.filter(({ model }) => model === 'silent').length >= 2, 10_000, 'all are asked for')
    child.signal('SIGTERM')
    const cut = answered(stalled, await stalled.text())
    expect([cut.text, cut.dones, cut.errors]).toEqual([helloWor, 0, ['shutting_down']])
    const earned = answered(finished, await finished.text())
    expect([earned.text, earned.dones, earned.errors]).toEqual([helloWorld, 1, []])
    for (const answer of [await silent, await whole]) {
      expect({ status: answer.status, errors: answer.errors }).toEqual({ status: 503, errors: ['shutting_down'] })
      expect(answer.headers.get('retry-after')).toBe('1')
    }
    expect(await within(child.exited, 10_000, 'it exits')).toBe(0)
  })

  test.concurrent('a second signal ends it at once', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '20' })
    const response = await request(child.url, { model: 'stalled' })
    child.signal('SIGTERM')
    await until(() => child.lines.some(({ msg }) => msg === 'stopping'), 10_000, 'it stops')
    child.signal('SIGINT')
    expect(await within(child.exited, 10_000, 'it exits, not after the grace')).not.toBe(0)
    await expect(response.text()).rejects.toThrow()
  })
})

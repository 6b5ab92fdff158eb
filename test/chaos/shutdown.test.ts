/** P13: after SIGTERM new requests are refused and running ones may end; a second signal ends all at once. Other signals end nothing. */
import { afterAll, describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { connect } from 'node:net'
import { holdSignals, reportSignals } from '../../src/commands/hold-signals.ts'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { askRaw, RawClient } from '../attacks/rig.ts'
import { until, within } from '../waiting.ts'
import { helloWor, helloWorld } from './cell.ts'
import { startChild } from './child.ts'
import { type Answered, answered, ask, request } from './client.ts'
import { type LogLine, upstreamAt } from './gateway.ts'
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

/** Returns the status of an answer on a new connection, and whether the connection is closed after it. */
async function onANewConnection(url: string, request: string): Promise<string> {
  const head = `${request} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Length: 0\r\n\r\n`
  const { status, headers } = await askRaw(url, head).catch(() => ({ status: 'refused', headers: new Headers() }))
  return `${status} ${headers.get('connection')?.toLowerCase()}`
}

describe('P13: shutdown', () => {
  test.concurrent('running answers end well, new requests are refused, and then it exits with 0', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '20' })
    const responses = await Promise.all(Array.from({ length: 20 }, () => request(child.url, { model: 'slow' })))
    child.signal('SIGTERM')
    await until(() => child.lines.some(({ msg }) => msg === 'stopping'), 60_000, 'it stops')
    const refused = await ask(child.url, { model: 'slow' })
    expect([refused.status, refused.errors, refused.headers.get('retry-after')]).toEqual([503, ['shutting_down'], '1'])
    const answers = await Promise.all(responses.map(async (response) => answered(response, await response.text())))
    for (const { text, dones, errors } of answers)
      expect({ text, dones, errors }).toEqual({ text: helloWorld, dones: 1, errors: [] })
    expect(await within(child.exited, 60_000, 'it exits once the last answer has ended, not after the grace')).toBe(0)
  })

  test.concurrent('until the last answer has ended, /health is good and new requests are refused', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '20' })
    const response = await request(child.url, { model: 'slow' })
    child.signal('SIGTERM')
    await until(() => child.lines.some(({ msg }) => msg === 'stopping'), 60_000, 'it stops')
    const seen: string[] = []
    const text = response.text()
    const isOver = () => Promise.race([text.then(() => true), Bun.sleep(50).then(() => false)])
    do {
      const about = [await onANewConnection(child.url, 'GET /health'), await onANewConnection(child.url, 'GET /ready')]
      seen.push([...about, await onANewConnection(child.url, 'POST /v1/chat/completions')].join(' '))
    } while (!(await isOver()))
    // the last one may have come after the end
    expect(new Set(seen.slice(0, -1))).toEqual(new Set(['200 close 503 close 503 close']))
    expect(answered(response, await text)).toMatchObject({ text: helloWorld, dones: 1, errors: [] })
    expect(await within(child.exited, 60_000, 'it exits')).toBe(0)
  })

  test.concurrent('SHUTDOWN_DELAY: new requests are accepted during the delay, although /ready reports the stop', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_DELAY: '3', SHUTDOWN_GRACE: '20' })
    const before = await request(child.url, { model: 'slow' })
    child.signal('SIGTERM')
    await until(() => child.lines.some(({ msg }) => msg === 'stopping'), 60_000, 'it stops')
    expect(await onANewConnection(child.url, 'GET /ready')).toBe('503 close')
    expect(await onANewConnection(child.url, 'GET /health')).toBe('200 close')
    const during = await request(child.url, { model: 'stalled' })
    expect(during.status).toBe(200)
    let refused: Answered | undefined
    while (refused?.status !== 503) refused = await ask(child.url, { model: 'finished', stream: false })
    expect(refused.errors).toEqual(['shutting_down'])
    expect(answered(before, await before.text())).toMatchObject({ text: helloWorld, dones: 1, errors: [] })
    await during.body?.cancel()
    expect(await within(child.exited, 15_000, 'it exits')).toBe(0)
  })

  test.concurrent('a second signal during the delay also ends it at once', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_DELAY: '600' })
    child.signal('SIGTERM')
    await until(() => child.lines.some(({ msg }) => msg === 'stopping'), 60_000, 'it stops')
    child.signal('SIGTERM')
    expect(await within(child.exited, 60_000, 'it exits, not after the delay')).not.toBe(0)
  })

  test.concurrent('a request that has begun to come in is answered', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '20' })
    using client = new RawClient(child.url)
    const { host } = new URL(child.url)
    const body = JSON.stringify({ model: 'slow', stream: true, messages: [{ role: 'user', content: 'Hello' }] })
    const expecting = `Content-Length: ${body.length}\r\nExpect: 100-continue`
    await client.send(`POST /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\n${expecting}\r\n\r\n${body.slice(0, 10)}`)
    // so that it has arrived when the server stops
    expect((await client.reply()).status).toBe(100)
    child.signal('SIGTERM')
    await until(() => child.lines.some(({ msg }) => msg === 'stopping'), 60_000, 'it stops')
    await client.send(body.slice(10))
    expect(await client.text('[DONE]', 15_000)).toContain('Hello')
    expect(await within(child.exited, 60_000, 'it exits')).toBe(0)
  })

  test.concurrent('idle connections do not delay the exit', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '20' })
    const { port, hostname, host } = new URL(child.url)
    const socket = connect(Number(port), hostname)
    socket.write(`GET /health HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    await once(socket, 'data')
    child.signal('SIGTERM')
    expect(await within(child.exited, 60_000, 'it exits, not after the grace')).toBe(0)
    socket.destroy()
  })

  test.concurrent('a request that outlives the grace period gets an error event or a status, or keeps the end that it already had', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '1' })
    const stalled = await request(child.url, { model: 'stalled' })
    const finished = await request(child.url, { model: 'finished' })
    const silent = ask(child.url, { model: 'silent' })
    const whole = ask(child.url, { model: 'silent', stream: false })
    await until(() => emulator.chats.filter(({ model }) => model === 'silent').length >= 2, 60_000, 'all are asked for')
    child.signal('SIGTERM')
    const cut = answered(stalled, await stalled.text())
    expect([cut.text, cut.dones, cut.errors]).toEqual([helloWor, 0, ['shutting_down']])
    const earned = answered(finished, await finished.text())
    expect([earned.text, earned.dones, earned.errors]).toEqual([helloWorld, 1, []])
    for (const answer of [await silent, await whole]) {
      expect({ status: answer.status, errors: answer.errors }).toEqual({ status: 503, errors: ['shutting_down'] })
      expect(answer.headers.get('retry-after')).toBe('1')
    }
    expect(await within(child.exited, 60_000, 'it exits')).toBe(0)
  })

  test.concurrent('a second signal ends it at once', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '20' })
    const response = await request(child.url, { model: 'stalled' })
    child.signal('SIGTERM')
    await until(() => child.lines.some(({ msg }) => msg === 'stopping'), 60_000, 'it stops')
    child.signal('SIGINT')
    expect(await within(child.exited, 60_000, 'it exits, not after the grace')).not.toBe(0)
    await expect(response.text()).rejects.toThrow()
  })
})

describe('a signal without a meaning for the program', () => {
  const signals = ['SIGUSR1', 'SIGUSR2'] as const
  const told = (lines: readonly LogLine[]) =>
    lines.filter(({ msg }) => msg.startsWith('this signal has no effect')).length

  test.concurrent('ends nothing, and is logged', async () => {
    await using child = await startChild(variables)
    const response = await request(child.url, { model: 'slow' })
    child.signal('SIGUSR1')
    await until(() => told(child.lines) === 1, 60_000, 'it is a line')
    child.signal('SIGPIPE')
    expect(answered(response, await response.text())).toMatchObject({ text: helloWorld, dones: 1, errors: [] })
    expect((await fetch(`${child.url}/health`)).status).toBe(200)
  })

  test.concurrent('does not shorten a shutdown', async () => {
    await using child = await startChild({ ...variables, SHUTDOWN_GRACE: '20' })
    const response = await request(child.url, { model: 'slow' })
    child.signal('SIGTERM')
    await until(() => child.lines.some(({ msg }) => msg === 'stopping'), 60_000, 'it stops')
    for (const signal of [...signals, 'SIGHUP'] as const) child.signal(signal)
    await until(() => told(child.lines) === signals.length + 1, 60_000, 'each is a line')
    expect(answered(response, await response.text())).toMatchObject({ text: helloWorld, dones: 1, errors: [] })
    expect(await within(child.exited, 60_000, 'it exits')).toBe(0)
  })

  test('that came before the log was open is logged as soon as the log is open', () => {
    const heard: string[] = []
    holdSignals()
    try {
      process.emit('SIGHUP', 'SIGHUP')
      process.emit('SIGUSR1', 'SIGUSR1')
      reportSignals((signal) => heard.push(signal))
      process.emit('SIGUSR2', 'SIGUSR2')
      expect(heard).toEqual(['SIGHUP', ...signals])
    } finally {
      for (const signal of ['SIGHUP', ...signals]) process.removeAllListeners(signal)
    }
  })
})

import { beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { until } from '../waiting.ts'
import { build, start } from './program.ts'

// The executable with fewer file descriptors than clients.

beforeAll(build)

const limit = 96

/** A client that has begun a request and does not end it. */
function halfRequest(url: URL): Socket {
  const socket = connect(Number(url.port), url.hostname, () => socket.write('GET /health HTTP/1.1\r\n'))
  socket.on('error', () => undefined)
  return socket
}

/** Seconds of processor time that the process has used: proc(5), fields 14 and 15, at a hundred ticks a second. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

test('connections beyond the limit of descriptors wait, and running answers go on', async () => {
  const upstream = await emulateOpenai()
  await using program = await start(
    { UPSTREAM_LAB_URL: upstream.url, UPSTREAM_LAB_MODELS: 'gpt-test' },
    { maxDescriptors: limit },
  )
  const url = new URL(program.url)
  const kept = new Set<Socket>()
  const client = await openClient(url)
  for (let at = 0; at < 2 * limit; at++) kept.add(halfRequest(url))
  await until(() => program.output().includes('no file descriptors are left'), 10_000, 'the lack is noticed')

  // with a spinning event loop this is most of a second
  const before = processorSeconds(program.pid)
  await Bun.sleep(1_000)
  expect(processorSeconds(program.pid) - before).toBeLessThan(0.3)

  // a connected client is served, because a descriptor is left for its upstream connection
  expect(await client.ask('lab/gpt-test')).toContain('You said: Hello')

  for (const socket of kept) socket.destroy()
  await until(() => program.output().includes('accepted again'), 20_000, 'new connections are accepted')
  expect((await fetch(`${program.url}/health`)).status).toBe(200)
  expect(await program.stop('SIGTERM')).toBe(0)
  await upstream.close()
})

test('answers beyond the number of descriptors are refused with 503, and the others are whole', async () => {
  const upstream = await emulateOpenai()
  await using program = await start(
    { UPSTREAM_LAB_URL: upstream.url, UPSTREAM_LAB_MODELS: 'gpt-test' },
    { maxDescriptors: limit },
  )
  const ask = async () => {
    const response = await fetch(`${program.url}/v1/chat/completions`, {
      method: 'POST',
      // otherwise the served clients would keep their connections until the idle timeout
      headers: { 'content-type': 'application/json', connection: 'close' },
      keepalive: false,
      body: JSON.stringify({ model: 'lab/gpt-test', messages: [{ role: 'user', content: 'Hello' }], stream: true }),
    })
    return [response.status, (await response.text()).includes('[DONE]')]
  }
  const answers = await Promise.all(Array.from({ length: 3 * limit }, ask))
  for (const answer of answers)
    expect([
      [200, true],
      [503, false],
    ]).toContainEqual(answer)
  expect(answers).toContainEqual([200, true])
  expect((await fetch(`${program.url}/health`)).status).toBe(200)
  await upstream.close()
})

/** A client that keeps its connection open. */
async function openClient(url: URL) {
  const socket = connect(Number(url.port), url.hostname)
  let said = ''
  socket.on('data', (bytes) => {
    said += bytes
  })
  const send = (head: string, body: string) =>
    socket.write(`${head} HTTP/1.1\r\nhost: ${url.host}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  send('GET /health', '')
  await until(() => said.includes('"ok"'), 10_000, 'the health')
  return {
    async ask(model: string): Promise<string> {
      said = ''
      send('POST /v1/chat/completions', JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }))
      await until(() => said.includes('"usage"'), 10_000, `an answer, and not ${said}`)
      return said
    },
  }
}

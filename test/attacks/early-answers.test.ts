import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { key, RawClient, startApp, type TestApp } from './rig.ts'

// An answer before the end of the body must reach a client that writes its whole body before it reads, although the connection
// ends with the answer. nginx does so by default, and turns a reset connection into a 502.

let app: TestApp
beforeAll(() => {
  app = startApp({ API_MASTER_KEY: key, MAX_BODY_BYTES: '100000' })
})
afterAll(() => app[Symbol.asyncDispose]())

const bytes = 4_000_000
const body = Buffer.alloc(bytes, 'x')
const inChunks = Buffer.from(`${'2710\r\n'}${'x'.repeat(10_000)}\r\n`.repeat(bytes / 10_000).concat('0\r\n\r\n'))

const good = `Authorization: Bearer ${key}`
const json = 'Content-Type: application/json'
const sized = `Content-Length: ${bytes}`
const chunked = 'Transfer-Encoding: chunked'

interface Case {
  readonly path?: string
  readonly headers: readonly string[]
}

const cases: Readonly<Record<string, readonly [status: number, Case]>> = {
  'without a key': [401, { headers: [json, sized] }],
  'with a wrong key': [403, { headers: ['Authorization: Bearer sk-wrong', json, sized] }],
  'over the limit by its length': [413, { headers: [good, json, sized] }],
  'over the limit by its bytes': [413, { headers: [good, json, chunked] }],
  'over the limit, to the chat server': [413, { path: '/api/chat/stream', headers: [good, json, sized] }],
  'of another type': [415, { headers: [good, 'Content-Type: text/plain', sized] }],
  'to an unknown path': [404, { path: '/v1/nothing', headers: [good, json, sized] }],
}

const connections = [
  '1.0',
  '1.0\r\nConnection: close',
  '1.0\r\nConnection: keep-alive',
  '1.1\r\nConnection: close',
  '1.1',
]

describe('a body that is refused', () => {
  for (const [name, [status, { path = '/v1/chat/completions', headers }]] of Object.entries(cases))
    for (const connection of connections) {
      // HTTP/1.0 has no chunks
      if (headers.includes(chunked) && connection.startsWith('1.0')) continue
      test(`${name}: HTTP/${connection.replace('\r\n', ', ')}`, async () => {
        for (let time = 0; time < 3; time++) {
          using client = new RawClient(app.url)
          await client.send(`POST ${path} HTTP/${connection}\r\nHost: gateway\r\n${headers.join('\r\n')}\r\n\r\n`)
          await client.send(headers.includes(chunked) ? inChunks : body)
          expect(client.isClosed).toBe(false)
          expect((await client.reply()).status).toBe(status)
        }
      })
    }
})

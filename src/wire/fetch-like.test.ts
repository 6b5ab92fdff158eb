import { afterAll, expect, test } from 'bun:test'
import { until, untilStill, within } from '../../test/waiting.ts'
import { type EmulatedExchange, emulateHttp } from './emulator/http.ts'
import { plainRequest, sendForResponse } from './fetch-like.ts'
import { newCancel } from './machine.double.ts'

let answer: (exchange: EmulatedExchange) => void | Promise<void> = () => undefined
const emulator = await emulateHttp((exchange) => answer(exchange))
afterAll(() => emulator.close())
const never = newCancel()
const get = { method: 'GET', url: `${emulator.origin}/a?b=c`, headers: {} } as const

test('a library’s request is sent with only the supported options', async () => {
  answer = (exchange) => exchange.reply(200, 'yes', { 'x-own': '1' })
  const init = {
    method: 'POST',
    headers: new Headers({ 'X-A': '1' }),
    body: '{}',
    proxy: 'http://127.0.0.1:1',
    unix: '/x',
  }
  const request = plainRequest(new URL(get.url), init)
  expect(request).toEqual({ method: 'POST', url: get.url, headers: { 'x-a': '1' }, body: '{}' })
  const response = await sendForResponse(request, never)
  expect([response.status, response.headers.get('x-own'), await response.text()]).toEqual([200, '1', 'yes'])
  expect(emulator.requests.at(-1)).toMatchObject({ method: 'POST', path: '/a?b=c', body: '{}' })
  expect(plainRequest(get.url)).toEqual(get)
})

test('an unsupported option is refused', async () => {
  expect(() => plainRequest(get.url, { method: 'PUT' })).toThrow('the method PUT')
  expect(() => plainRequest(get.url, { method: 'POST', body: new Blob(['x']) })).toThrow('a body that is not text')
  for (const url of ['file:///etc/hostname', 'data:,x', 's3://a/b'])
    expect(await sendForResponse(plainRequest(url), never).catch(String)).toContain('neither http nor https')
})

test('a redirect is returned, not followed', async () => {
  answer = (exchange) => exchange.reply(307, '', { location: '/elsewhere' })
  const response = await sendForResponse(get, never)
  expect([response.status, response.headers.get('location')]).toEqual([307, '/elsewhere'])
  expect(emulator.requests.at(-1)?.path).toBe('/a?b=c')
})

test('an empty reply has no body', async () => {
  let ends = 0
  answer = (exchange) => void exchange.raw('HTTP/1.1 204 Emulated\r\n\r\n')
  const response = await sendForResponse(get, never, { ended: () => void ends++ })
  expect([response.status, response.body, ends]).toEqual([204, null, 1])
})

test('the body passes its filter piece by piece, and the filter learns the end once', async () => {
  answer = async (exchange) => {
    exchange.head(201, { 'x-own': '1' })
    await exchange.chunk('one')
    await exchange.chunk('two')
    exchange.end()
  }
  const told: string[] = []
  const response = await sendForResponse(get, never, {
    filter: ({ status, headers }) => ({
      push: (bytes) => {
        told.push(Buffer.from(bytes).toString())
        return Buffer.from(told.length === 1 ? '' : 'passed ')
      },
      rest: () => Buffer.from(`rest ${status} ${headers.get('x-own')}`),
    }),
    ended: () => void told.push('end'),
  })
  expect(await response.text()).toMatch(/^(passed )?rest 201 1$/)
  expect([told.slice(0, -1).join(''), told.at(-1)]).toEqual(['onetwo', 'end'])
})

test('a body that the filter refuses fails, and its connection closes', async () => {
  let closed = Promise.resolve(0)
  answer = async (exchange) => {
    closed = exchange.closed
    exchange.head(200)
    await exchange.chunk('too much')
  }
  const response = await sendForResponse(get, never, {
    filter: () => ({
      push() {
        throw new Error('refused')
      },
      rest: () => new Uint8Array(0),
    }),
  })
  expect(await response.text().catch(String)).toContain('refused')
  await within(closed, 1_000, 'the connection closes')
})

test('a body that is cut is an error', async () => {
  answer = async (exchange) => {
    exchange.head(200)
    await exchange.chunk('half')
    exchange.reset()
  }
  const response = await sendForResponse(get, never)
  expect(await response.text().catch(String)).toContain('closed the connection')
})

test('cancelling the body closes the connection', async () => {
  let closed = Promise.resolve(0)
  answer = async (exchange) => {
    closed = exchange.closed
    exchange.head(200)
    await exchange.chunk('one')
  }
  let ends = 0
  const response = await sendForResponse(get, never, { ended: () => void ends++ })
  const reader = response.body?.getReader()
  await reader?.read()
  reader?.read().catch(() => undefined)
  await reader?.cancel()
  await within(closed, 1_000, 'the connection closes')
  expect(ends).toBe(1)
})

test('an abort closes the connection, and the body fails', async () => {
  let closed = Promise.resolve(0)
  answer = async (exchange) => {
    closed = exchange.closed
    exchange.head(200)
    await exchange.chunk('one')
  }
  const left = newCancel()
  let ends = 0
  const response = await sendForResponse(get, left, { ended: () => void ends++ })
  const text = response.text().catch(String)
  left.abort(new Error('enough'))
  expect(await text).toContain('enough')
  await within(closed, 1_000, 'the connection closes')
  expect(ends).toBe(1)
})

test('the body is read only on demand', async () => {
  let sent = 0
  answer = async (exchange) => {
    exchange.head(200)
    while (sent < 512 && exchange.isOpen()) {
      await exchange.chunk(new Uint8Array(64 * 1024))
      sent++
    }
  }
  const response = await sendForResponse(get, never)
  await until(() => sent > 0, 20_000, 'the first')
  expect(await untilStill(() => sent, 100, 3_000)).toBeLessThan(400)
  await response.body?.cancel()
})

import { expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import { openLog } from '../../telemetry/log.ts'
import { machine } from '../../wire/machine.double.ts'
import { Calls } from '../exchange/calls.ts'
import { jsonResponse } from '../exchange/exchange.ts'
import type { Surface } from '../surfaces/surface.ts'
import { Keys } from './authenticate.ts'
import { readTrustedProxies } from './client-address.ts'
import { Door } from './door.ts'
import { RouteTable } from './route-table.ts'

const key = 'sk-surface-0123456789abcdef'
const calls = new Calls(10)

/**
 * A surface for Anthropic's clients: it has another header for the id, the id in the body, and the rest of the
 * caller's limits.
 */
const limited: Surface = {
  name: 'limited',
  error: ({ meaning: { status }, message }, { id, caller }) => ({
    status,
    body: { message, request_id: id, to: caller.name },
  }),
  headers: ({ id, caller, receipt }) => ({
    'request-id': id,
    'x-ratelimit-limit-requests': caller.name === 'ann' ? '10' : '0',
    ...(receipt && { 'x-ratelimit-remaining-requests': String(10 - receipt.attempts) }),
  }),
  routes: (['well', 'badly'] as const).map((how) => ({
    method: 'GET',
    path: `/${how}`,
    access: 'client',
    cors: true,
    summary: '',
    handler(exchange) {
      const { call, close } = calls.open(exchange)
      call.receipt.attempts = 3
      close()
      if (how === 'badly') throw new ChatError('rate-limited', { message: 'Wait.' })
      return jsonResponse(exchange, { well: true })
    },
  })),
}

const door = new Door({
  runtime: machine,
  table: new RouteTable([limited]),
  keys: new Keys([{ secret: new Secret(key), role: 'client', name: 'ann' }], machine),
  proxies: readTrustedProxies([]).proxies,
  policy: { hasKeys: true, allowedHosts: [], isPublic: true, corsOrigins: undefined },
  log: openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined }),
  // the handlers use no services
  run: (handler, exchange) => Reflect.apply(handler, undefined, [exchange, {}]),
})
const noListener = { addressOf: () => undefined, limitSilence: () => undefined }

/** Returns the status, the body, the headers of the surface and the CORS headers. */
async function ask(path: string, headers: Record<string, string> = { 'x-api-key': key }, method = 'GET') {
  const sent = { host: 'gateway', 'x-request-id': 'seven', origin: 'https://page.example', ...headers }
  const request = new Request(`http://gateway${path}`, { method, headers: sent })
  const response = await door.answer(request, noListener)
  const own = ['request-id', 'x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests']
  return {
    status: response.status,
    body: method === 'GET' ? await response.json() : undefined,
    own: own.map((name) => response.headers.get(name)),
    id: response.headers.get('x-request-id'),
    exposed: response.headers.get('access-control-expose-headers') ?? '',
  }
}

test('an answer has the headers of its surface, with the caller and the receipt', async () => {
  const { status, own, id, exposed } = await ask('/well')
  expect({ status, own, id }).toEqual({ status: 200, own: ['seven', '10', '7'], id: 'seven' })
  expect(exposed).toEndWith(', request-id, x-ratelimit-limit-requests, x-ratelimit-remaining-requests')
})

test('a failure of a handler has these headers too, and the id in its body', async () => {
  const { status, body, own } = await ask('/badly')
  expect({ status, body, own }).toEqual({
    status: 429,
    body: { message: 'Wait.', request_id: 'seven', to: 'ann' },
    own: ['seven', '10', '7'],
  })
})

test.each([
  ['a refusal at the door', '/well', {}, 401],
  ['a path near its own', '/well/there', { 'x-api-key': key }, 404],
  ['a wrong key', '/well', { 'x-api-key': 'sk-wrong' }, 403],
] as const)(
  'the response to %s has these headers too, with the caller if it is known',
  async (_, path, headers, wanted) => {
    const { status, body, own } = await ask(path, headers)
    const to = wanted === 404 ? 'ann' : 'anybody'
    expect({ status, body }).toEqual({
      status: wanted,
      body: { message: expect.any(String), request_id: 'seven', to },
    })
    expect(own).toEqual(['seven', to === 'ann' ? '10' : '0', null])
  },
)

test('a preflight has these headers too', async () => {
  const preflight = await ask('/well', { 'access-control-request-method': 'GET' }, 'OPTIONS')
  expect([preflight.status, preflight.own[0]]).toEqual([204, 'seven'])
})

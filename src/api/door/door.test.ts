import { describe, expect, test } from 'bun:test'
import { errorIn } from '../../../test/attacks/rig.ts'
import { Secret } from '../../chat/secret.ts'
import { openLog } from '../../telemetry/log.ts'
import { jsonResponse } from '../exchange/exchange.ts'
import { Keys } from './authenticate.ts'
import { readTrustedProxies } from './client-address.ts'
import { Door } from './door.ts'

const key = 'sk-door-0123456789abcdef'
const log = openLog({ level: 'silent', format: 'json', write: () => undefined })
const { proxies } = readTrustedProxies([])
const policy = { hasKeys: true, allowedHosts: [], isPublic: true, corsOrigins: undefined }
const doorWith = (...keys: string[]) =>
  new Door({
    keys: new Keys(keys.map((value) => ({ secret: new Secret(value), role: 'admin' }))),
    proxies,
    policy,
    log,
  })

const requestFor = (path: string, headers: Record<string, string> = {}) =>
  new Request(`http://gateway${path}`, { headers: { host: 'gateway', ...headers } })

describe('the door', () => {
  test('lets in who has the key, and turns away who has not', async () => {
    const door = doorWith(key)
    expect(door.admit(requestFor('/v1/models', { authorization: `Bearer ${key}` }), null)).toBeUndefined()
    expect((await door.admit(requestFor('/v1/models'), null))?.status).toBe(401)
    expect(door.admit(requestFor('/health'), null)).toBeUndefined()
  })

  test('knows the path that the router will see, whatever is in it', () => {
    for (const path of ['/v1/models', '/v1/models/', '/v1//models', '/health#x', '/a%2Fb', '/']) {
      for (const query of ['', '?', '?/health', '?a#b']) {
        // as Bun hands it over: a URL made from it would have lost its `#`
        const request = Object.defineProperty(requestFor('/'), 'url', { value: `http://a${path}${query}` })
        expect(doorWith(key).exchangeOf(request).path).toBe(path)
      }
    }
  })

  test('lets no route answer under a path that it has not judged', async () => {
    const door = doorWith(key)
    const request = requestFor('/health')
    expect(door.admit(request, null)).toBeUndefined()
    const handler = door.handler((exchange) => jsonResponse(exchange, { models: 'all of them' }))
    const response = await handler({ request, path: '/v1/models' })
    expect([response.status, errorIn(await response.text()).code]).toEqual([404, 'not_found'])
    expect((await handler({ request, path: '/health' })).status).toBe(200)
  })

  test('counts wrong keys by the address of the connection', async () => {
    const door = doorWith(key)
    const from = (address: string) => ({ requestIP: () => ({ address }), timeout: () => undefined })
    const knock = async (address: string) =>
      (await door.admit(requestFor('/v1/models', { authorization: 'Bearer sk-wrong' }), from(address)))?.status
    for (let guess = 0; guess < 100; guess++) expect(await knock('10.0.0.1')).toBe(403)
    expect([await knock('10.0.0.1'), await knock('10.0.0.2')]).toEqual([429, 403])
  })

  test('takes no new work while the server shuts down, but tells how it is', async () => {
    const door = doorWith()
    door.phase = 'draining'
    const refused = await door.admit(requestFor('/v1/models'), null)
    expect([refused?.status, refused?.headers.get('connection')]).toEqual([503, 'close'])
    expect(door.admit(requestFor('/health'), null)).toBeUndefined()
    expect(door.admit(requestFor('/ready'), null)).toBeUndefined()
  })

  test('takes new work while it says that it will stop', () => {
    const door = doorWith(key)
    door.phase = 'leaving'
    expect(door.admit(requestFor('/v1/models', { 'api-key': key }), null)).toBeUndefined()
  })
})

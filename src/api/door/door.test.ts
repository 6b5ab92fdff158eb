import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { errorIn } from '../../../test/attacks/rig.ts'
import { runs } from '../../../test/sizes.ts'
import type { ClientKey } from '../../chat/caller.ts'
import { Secret } from '../../chat/secret.ts'
import { encodeFailure } from '../../dialects/openai-chat/encode-error.ts'
import { openLog } from '../../telemetry/log.ts'
import { machine } from '../../wire/machine.double.ts'
import type { Surface, SurfaceRoute } from '../surfaces/surface.ts'
import { Keys } from './authenticate.ts'
import { readTrustedProxies } from './client-address.ts'
import type { CrossSitePolicy } from './cross-site.ts'
import { Door } from './door.ts'
import type { RequestListener } from './open-exchange.ts'
import { pathOf } from './path.ts'
import { RouteTable } from './route-table.ts'

const key = 'sk-door-0123456789abcdef'
const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
const { proxies } = readTrustedProxies([])
const policy: CrossSitePolicy = { hasKeys: true, allowedHosts: [], isPublic: true, corsOrigins: undefined }
const route = (path: string, access: SurfaceRoute['access'], isLast?: true): SurfaceRoute => ({
  method: 'GET',
  path,
  access,
  cors: false,
  ...(isLast && { isLast }),
  summary: '',
  handler: () => new Response(),
})
const lab: Surface = {
  name: 'lab',
  routes: [
    route('/health', 'open', true),
    route('/', 'open'),
    route('/v1/models', 'client'),
    route('/admin/all', 'admin'),
  ],
  error: encodeFailure,
}
const table = new RouteTable([lab])
const doorWith = (...keys: string[]) => doorOf(keys.map((value) => ({ secret: new Secret(value), role: 'client' })))
/** Answers every request that is let in with its path and the caller's role, because the handlers have no services. */
const doorOf = (keys: readonly ClientKey[], ownPolicy = policy) =>
  new Door({
    ...{ runtime: machine, table, keys: new Keys(keys, machine), proxies, policy: ownPolicy, log },
    run: (_handler, { path, caller }) => new Response(`${path} ${caller.role}`),
  })
const noListener = { addressOf: () => undefined, limitSilence: () => undefined }

/** Returns the status of the answer, and a refusal's code. */
async function knock(door: Door, request: Request, listener: RequestListener = noListener) {
  const response = await door.answer(request, listener)
  return response.ok ? response.status : [response.status, errorIn(await response.text()).code]
}

const requestFor = (path: string, headers: Record<string, string> = {}) =>
  new Request(`http://gateway${path}`, { headers: { host: 'gateway', ...headers } })

describe('the door', () => {
  test('lets in a request with the key, and refuses a request without it', async () => {
    const door = doorWith(key)
    expect(await knock(door, requestFor('/v1/models', { authorization: `Bearer ${key}` }))).toBe(200)
    expect(await knock(door, requestFor('/v1/models'))).toEqual([401, 'invalid_api_key'])
    expect(await knock(door, requestFor('/health'))).toBe(200)
  })

  test('reads the same path as the router, with any characters in it', () => {
    for (const path of ['/v1/models', '/v1/models/', '/v1//models', '/health#x', '/a%2Fb', '/']) {
      for (const query of ['', '?', '?/health', '?a#b']) {
        // Bun gives the URL in this form, in which a `#` counts as a part of the path
        expect(pathOf(`http://a${path}${query}`)).toBe(path)
      }
    }
  })

  test('answers with the route that it has checked, even if a router finds another', async () => {
    const request = Object.defineProperty(requestFor('/'), 'url', { value: 'http://a/health?/v1/secrets' })
    expect(await (await doorWith(key).answer(request, noListener)).text()).toBe('/health client')
  })

  test('checks a route that the listener has found like any other', async () => {
    const found = table.find('GET', '/v1/models')
    const door = doorWith(key)
    expect((await door.answer(requestFor('/v1/models'), noListener, found)).status).toBe(401)
    const response = await door.answer(requestFor('/v1/models', { 'api-key': key }), noListener, found)
    expect(await response.text()).toBe('/v1/models client')
  })

  test('gives each request of a connection the verdict that it would get alone', async () => {
    const sent = fc.record(
      {
        host: fc.constantFrom('localhost', 'LOCALHOST', 'localhost:8000', 'gateway.lan', 'evil.example', 'a, b', ''),
        origin: fc.constantFrom('http://localhost', 'http://localhost:8000', 'http://evil.example', 'null', ''),
        'sec-fetch-site': fc.constantFrom('none', 'same-origin', 'same-site', 'cross-site', ''),
      },
      { requiredKeys: [] },
    )
    const policies = [false, true].map((hasKeys) => ({ ...policy, hasKeys, allowedHosts: ['gateway.lan'] }))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...policies), fc.array(sent, { maxLength: 8 }), async (own, all) => {
        const door = doorOf([], own)
        for (const headers of all) {
          const request = new Request('http://gateway/health', { headers })
          expect(await knock(door, request)).toEqual(await knock(doorOf([], own), request))
        }
      }),
      { numRuns: runs(200) },
    )
  })

  test('counts wrong keys by the address of the connection', async () => {
    const door = doorWith(key)
    const guess = async (address: string) => {
      const request = requestFor('/v1/models', { authorization: 'Bearer sk-wrong' })
      return (await door.answer(request, { ...noListener, addressOf: () => address })).status
    }
    for (let guesses = 0; guesses < 100; guesses++) expect(await guess('10.0.0.1')).toBe(403)
    expect([await guess('10.0.0.1'), await guess('10.0.0.2')]).toEqual([429, 403])
  })

  test('refuses new requests during a shutdown, but reports its health', async () => {
    const door = doorWith()
    door.phase = 'draining'
    const refused = await door.answer(requestFor('/v1/models'), noListener)
    expect([refused.status, refused.headers.get('connection')]).toEqual([503, 'close'])
    expect(await knock(door, requestFor('/health'))).toBe(200)
    expect(await knock(door, requestFor('/'))).toEqual([503, 'shutting_down'])
  })

  test('accepts new requests while /ready reports that it will stop', async () => {
    const door = doorWith(key)
    door.phase = 'leaving'
    expect(await knock(door, requestFor('/v1/models', { 'api-key': key }))).toBe(200)
  })

  test('lets only an admin use the routes of an admin', async () => {
    const door = doorOf([
      { secret: new Secret(key), role: 'admin' },
      { secret: new Secret('sk-client-0123456789'), role: 'client' },
    ])
    const ask = (sent: string) => knock(door, requestFor('/admin/all', { authorization: `Bearer ${sent}` }))
    expect(await ask(key)).toBe(200)
    expect(await ask('sk-client-0123456789')).toEqual([403, 'admin_key_required'])
    // a path with an extra slash is checked like the path without it
    const spare = requestFor('/admin//all/', { 'api-key': 'sk-client-0123456789' })
    expect(await knock(door, spare)).toEqual([403, 'admin_key_required'])
    expect(await knock(door, requestFor('/admin/all'))).toEqual([401, 'invalid_api_key'])
  })

  const own = { ...noListener, addressOf: () => '127.0.0.1' }
  const foreign = { ...noListener, addressOf: () => '10.0.0.1' }
  const strangers = [
    ['another machine', {}, foreign],
    ['a client behind a proxy of this machine', { 'x-forwarded-for': '10.0.0.1' }, own],
    ['another name', { host: 'gateway' }, own],
  ] as const
  for (const [who, headers, listener] of strangers)
    test(`without keys ${who} is not an admin`, async () => {
      const request = requestFor('/admin/all', { host: 'localhost', ...headers })
      expect(await knock(doorOf([]), request, listener)).toEqual([403, 'admin_local_only'])
    })

  test('without keys a program of this machine is an admin on the routes of an admin, and a client on others', async () => {
    for (const [path, role] of [
      ['/admin/all', 'admin'],
      ['/v1/models', 'client'],
    ] as const) {
      const response = await doorOf([]).answer(requestFor(path, { host: 'localhost:3000' }), own)
      expect(await response.text()).toBe(`${path} ${role}`)
    }
  })
})

import { describe, expect, test } from 'bun:test'
import { errorIn } from '../../../test/attacks/rig.ts'
import type { ClientKey } from '../../chat/caller.ts'
import { Secret } from '../../chat/secret.ts'
import { encodeFailure } from '../../dialects/openai-chat/encode-error.ts'
import { openLog } from '../../telemetry/log.ts'
import { machine } from '../../wire/machine.double.ts'
import type { Surface, SurfaceRoute } from '../surfaces/surface.ts'
import { Keys } from './authenticate.ts'
import { readTrustedProxies } from './client-address.ts'
import { Door, type RunHandler } from './door.ts'
import { RouteTable } from './route-table.ts'

const key = 'sk-door-0123456789abcdef'
const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
const { proxies } = readTrustedProxies([])
const policy = { hasKeys: true, allowedHosts: [], isPublic: true, corsOrigins: undefined }
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
const doorOf = (keys: readonly ClientKey[]) =>
  new Door({ runtime: machine, table, keys: new Keys(keys, () => machine.now()), proxies, policy, log })

/** Answers every request with its path, because the handlers have no services here. */
const run: RunHandler = (_handler, { path }) => new Response(path)

const requestFor = (path: string, headers: Record<string, string> = {}) =>
  new Request(`http://gateway${path}`, { headers: { host: 'gateway', ...headers } })

describe('the door', () => {
  test('lets in a request with the key, and refuses a request without it', async () => {
    const door = doorWith(key)
    expect(door.admit(requestFor('/v1/models', { authorization: `Bearer ${key}` }), null)).toBeUndefined()
    expect((await door.admit(requestFor('/v1/models'), null))?.status).toBe(401)
    expect(door.admit(requestFor('/health'), null)).toBeUndefined()
  })

  test('reads the same path as the router, with any characters in it', () => {
    for (const path of ['/v1/models', '/v1/models/', '/v1//models', '/health#x', '/a%2Fb', '/']) {
      for (const query of ['', '?', '?/health', '?a#b']) {
        // Bun gives the URL in this form, in which a `#` counts as a part of the path
        const request = Object.defineProperty(requestFor('/'), 'url', { value: `http://a${path}${query}` })
        expect(doorWith(key).exchangeOf(request).path).toBe(path)
      }
    }
  })

  test('answers with the route that it has checked, even if a router finds another', async () => {
    const door = doorWith(key)
    const request = Object.defineProperty(requestFor('/'), 'url', { value: 'http://a/health?/v1/secrets' })
    expect(door.admit(request, null)).toBeUndefined()
    expect(await (await door.answer(request, run)).text()).toBe('/health')
  })

  test('counts wrong keys by the address of the connection', async () => {
    const door = doorWith(key)
    const from = (address: string) => ({ addressOf: () => address, limitSilence: () => undefined })
    const knock = async (address: string) =>
      (await door.admit(requestFor('/v1/models', { authorization: 'Bearer sk-wrong' }), from(address)))?.status
    for (let guess = 0; guess < 100; guess++) expect(await knock('10.0.0.1')).toBe(403)
    expect([await knock('10.0.0.1'), await knock('10.0.0.2')]).toEqual([429, 403])
  })

  test('refuses new requests during a shutdown, but reports its health', async () => {
    const door = doorWith()
    door.phase = 'draining'
    const refused = await door.admit(requestFor('/v1/models'), null)
    expect([refused?.status, refused?.headers.get('connection')]).toEqual([503, 'close'])
    expect(door.admit(requestFor('/health'), null)).toBeUndefined()
    expect((await door.admit(requestFor('/'), null))?.status).toBe(503)
  })

  test('accepts new requests while /ready reports that it will stop', () => {
    const door = doorWith(key)
    door.phase = 'leaving'
    expect(door.admit(requestFor('/v1/models', { 'api-key': key }), null)).toBeUndefined()
  })

  test('lets only an admin use the routes of an admin', async () => {
    const door = doorOf([
      { secret: new Secret(key), role: 'admin' },
      { secret: new Secret('sk-client-0123456789'), role: 'client' },
    ])
    const knock = (sent: string) => door.admit(requestFor('/admin/all', { authorization: `Bearer ${sent}` }), null)
    expect(knock(key)).toBeUndefined()
    const refused = await knock('sk-client-0123456789')
    expect([refused?.status, errorIn((await refused?.text()) ?? '').code]).toEqual([403, 'admin_key_required'])
    // a path with an extra slash is checked like the path without it
    const spare = door.admit(requestFor('/admin//all/', { 'api-key': 'sk-client-0123456789' }), null)
    expect((await spare)?.status).toBe(403)
    expect((await door.admit(requestFor('/admin/all'), null))?.status).toBe(401)
  })

  const own = { addressOf: () => '127.0.0.1', limitSilence: () => undefined }
  const foreign = { ...own, addressOf: () => '10.0.0.1' }
  const strangers = [
    ['another machine', {}, foreign],
    ['a client behind a proxy of this machine', { 'x-forwarded-for': '10.0.0.1' }, own],
    ['another name', { host: 'gateway' }, own],
  ] as const
  for (const [who, headers, listener] of strangers)
    test(`without keys ${who} is not an admin`, async () => {
      const refused = await doorOf([]).admit(requestFor('/admin/all', { host: 'localhost', ...headers }), listener)
      expect([refused?.status, errorIn((await refused?.text()) ?? '').code]).toEqual([403, 'admin_local_only'])
    })

  test('without keys a program of this machine is an admin on the routes of an admin, and a client on others', () => {
    const door = doorOf([])
    for (const [path, role] of [
      ['/admin/all', 'admin'],
      ['/v1/models', 'client'],
    ] as const) {
      const request = requestFor(path, { host: 'localhost:3000' })
      expect(door.admit(request, own)).toBeUndefined()
      expect(door.exchangeOf(request).caller.role).toBe(role)
    }
  })
})

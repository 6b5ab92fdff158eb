import { describe, expect, test } from 'bun:test'
import { encodeFailure } from '../../dialects/openai-chat/encode-error.ts'
import type { Surface, SurfaceRoute } from '../surfaces/surface.ts'
import { notFound } from './not-found.ts'
import { RouteTable } from './route-table.ts'

function surfaceOf(name: string, routes: readonly string[], hint?: string): Surface {
  const read = (route: string): SurfaceRoute => {
    const [method, path = ''] = route.split(' ')
    const known = (['GET', 'POST', 'DELETE'] as const).find((one) => one === method) ?? 'GET'
    return { method: known, path, access: 'client', cors: false, summary: '', handler: () => new Response() }
  }
  return { name, base: '/v1', routes: routes.map(read), error: encodeFailure, ...(hint && { hint }) }
}

const chat = surfaceOf('chat', ['POST /v1/chat', 'GET /v1/models', 'GET /v1/models/{model+}'], 'The base ends in "/v1"')
const letters = surfaceOf('letters', [
  'POST /v1/letters',
  'GET /v1/letters/{id}',
  'DELETE /v1/letters/{id}',
  'GET /v1/letters/{id}/pages/{page}',
])
const table = new RouteTable([chat, letters])

describe('a route is found', () => {
  const paths: readonly (readonly [request: string, route: string | undefined, params?: Record<string, string>])[] = [
    ['GET /v1/models', 'GET /v1/models'],
    ['HEAD /v1/models', 'GET /v1/models'],
    ['POST /v1/models', undefined],
    ['GET /v1/models/', undefined],
    ['GET /v1/models/a', 'GET /v1/models/{model+}', { model: 'a' }],
    ['GET /v1/models/a/b%2Fc//d//', 'GET /v1/models/{model+}', { model: 'a/b%2Fc//d' }],
    ['GET /v1/models///', undefined],
    ['GET /v1/letters/7', 'GET /v1/letters/{id}', { id: '7' }],
    ['DELETE /v1/letters/7', 'DELETE /v1/letters/{id}', { id: '7' }],
    ['GET /v1/letters/7/', undefined],
    ['GET /v1/letters//', undefined],
    ['GET /v1/letters/7/pages/%20', 'GET /v1/letters/{id}/pages/{page}', { id: '7', page: '%20' }],
    ['GET /v1/letters/7/pages/8/9', undefined],
    ['GET /models', 'GET /v1/models'],
    ['GET /models/v1/a', 'GET /v1/models/{model+}', { model: 'v1/a' }],
    ['GET /v1/v1/letters/7', 'GET /v1/letters/{id}', { id: '7' }],
    ['GET /v1/v1/v1/models', undefined],
    ['GET /V1/models', undefined],
    ['get /v1/models', undefined],
    ['GET /v1/letters/__proto__', 'GET /v1/letters/{id}', { id: '__proto__' }],
    ['GET /v1/models/a\nb', 'GET /v1/models/{model+}', { model: 'a\nb' }],
  ]
  for (const [request, route, params = {}] of paths)
    test(`${JSON.stringify(request)}: ${route ?? 'none'}`, () => {
      const [method = '', path = ''] = request.split(' ')
      const found = table.find(method, path)
      expect(found && `${found.route.method} ${found.route.path}`).toBe(route)
      if (found) expect({ ...found.params }).toEqual(params)
    })

  test('without its beginning only where the surface allows it', () => {
    const { base: _, ...strict } = letters
    const both = new RouteTable([chat, strict])
    expect(both.find('GET', '/models')?.route.path).toBe('/v1/models')
    expect(both.find('GET', '/letters/7')).toBeUndefined()
  })

  test('in time that is linear in the length of the path', () => {
    const long = `/v1/models/${'/'.repeat(1_000_000)}`
    expect(table.find('GET', long)).toBeUndefined()
    expect(table.find('GET', `${long}a`)?.params.model).toHaveLength(1_000_001)
  })
})

test('an unknown path is near the surface whose client asks for it', () => {
  const known = new RouteTable([chat, { ...letters, header: 'x-letters' }])
  const headers = new Headers({ 'x-letters': '1' })
  expect(known.nearest('/v1/nothing').surface.name).toBe('chat')
  expect(known.nearest('/v1/nothing', headers).surface.name).toBe('letters')
  expect(known.nearest('/v1/models', headers).surface.name).toBe('chat')
})

describe('the nearest surface', () => {
  const paths: readonly (readonly [path: string, surface: string, said: string])[] = [
    ['/v1/letters', 'letters', 'only for POST.'],
    ['/v1/letters/7', 'letters', 'only for GET and DELETE.'],
    ['/v1/letters/7/8/9', 'letters', 'There are POST /v1/letters, GET /v1/letters/{id}, DELETE'],
    ['/v1/nothing', 'chat', 'ends in "/v1"; there are POST /v1/chat, GET /v1/models and GET /v1/models/{model}.'],
    ['/nothing', 'chat', 'POST /v1/chat'],
    ['/v1', 'chat', 'POST /v1/chat'],
    [`/${'/a'.repeat(100_000)}`, 'chat', 'POST /v1/chat'],
  ]
  for (const [path, surface, said] of paths)
    test(`to ${path.slice(0, 30)} is ${surface}`, () => {
      const nearest = table.nearest(path)
      expect(nearest.surface.name).toBe(surface)
      expect(notFound('PATCH', nearest).message).toContain(said)
    })
})

test('the methods of a path come from its routes, in the usual order', () => {
  expect(table.methods).toEqual(['GET', 'POST', 'DELETE'])
})

test('a route in two surfaces is a mistake in the list', () => {
  expect(() => new RouteTable([chat, surfaceOf('copy', ['GET /v1/models'])])).toThrow('GET /v1/models')
  expect(() => new RouteTable([])).toThrow('no surface')
})

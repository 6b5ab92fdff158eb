import { describe, expect, test } from 'bun:test'
import { hasVersion, parseBaseUrl, routeOf, routesOfOpenai } from './base-url.ts'

const baseOf = (text: string) => parseBaseUrl(text, routesOfOpenai)

describe('the base URL is found in an address', () => {
  const rows = [
    ['http://box:1234/v1', 'http://box:1234/v1'],
    ['http://box:1234/v1/', 'http://box:1234/v1'],
    ['http://box:1234/v1///', 'http://box:1234/v1'],
    ['http://box:1234//v1', 'http://box:1234/v1'],
    ['http://box:1234/', 'http://box:1234'],
    ['http://box:1234', 'http://box:1234'],
    ['HTTPS://Box.Example/v1', 'https://box.example/v1'],
    ['https://box.example:443/api/v1', 'https://box.example/api/v1'],
    ['http://[::1]:8080/v1', 'http://[::1]:8080/v1'],
    ['http://box/v1/chat/completions', 'http://box/v1'],
    ['http://box/v1/chat/completions/', 'http://box/v1'],
    ['http://box/v1//chat/completions', 'http://box/v1'],
    ['http://box/V1/Chat/Completions', 'http://box/V1'],
    ['http://box/v1/completions', 'http://box/v1'],
    ['http://box/v1/models', 'http://box/v1'],
    ['http://box/v1/models/', 'http://box/v1'],
    ['http://box/v1/responses', 'http://box/v1'],
    ['http://box/v1/embeddings', 'http://box/v1'],
    ['http://box/chat/completions', 'http://box'],
    ['http://models.box/my-models', 'http://models.box/my-models'],
  ] as const
  for (const [text, url] of rows) test(text, () => expect(baseOf(text)).toEqual({ url, query: '' }))

  test('a query is kept, and follows each route', () => {
    const base = baseOf('https://r.example/openai/deployments/d/chat/completions?api-version=2024-10-21')
    expect(base).toEqual({ url: 'https://r.example/openai/deployments/d', query: '?api-version=2024-10-21' })
    expect(base && routeOf(base, '/models')).toBe(
      'https://r.example/openai/deployments/d/models?api-version=2024-10-21',
    )
  })
})

for (const text of [
  '',
  'box/v1',
  'ftp://box',
  'file:///v1',
  'http://',
  'http://a b/v1',
  'http://box/v 1',
  'http://u:p@box',
])
  test(`${JSON.stringify(text)} is not a base URL`, () => expect(baseOf(text)).toBeUndefined())

test('an address with a fragment is not a base URL', () => expect(baseOf('http://box/v1#models')).toBeUndefined())

test('a version is found at any position in the path', () => {
  const has = (url: string) => hasVersion({ url, query: '' })
  expect(['http://b/v1', 'http://b/v1beta/openai', 'http://b/api/v2', 'http://b/openai/v1'].map(has)).not.toContain(
    false,
  )
  expect(['http://b', 'http://v1.b', 'http://b/openai', 'http://b/vault'].map(has)).not.toContain(true)
})

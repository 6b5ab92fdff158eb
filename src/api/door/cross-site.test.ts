import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import { type CrossSitePolicy, corsHeaders, refuseCrossSite } from './cross-site.ts'

const open: CrossSitePolicy = { hasKeys: false, allowedHosts: [], isPublic: false, corsOrigins: undefined }
const anywhere: CrossSitePolicy = { ...open, isPublic: true, allowedHosts: ['gateway.lan', 'box:8000'] }
const keyed: CrossSitePolicy = { ...open, hasKeys: true, isPublic: true }

/** Returns the code of a refusal, or `in`. */
function verdict(headers: Readonly<Record<string, string>>, policy = open): string {
  try {
    refuseCrossSite(new Headers(headers), policy)
    return 'in'
  } catch (thrown) {
    return thrown instanceof ChatError ? thrown.code : 'no ChatError'
  }
}

describe('without a key', () => {
  const own: readonly (readonly [host: string, origin: string])[] = [
    ['localhost:8000', 'http://localhost:8000'],
    ['127.0.0.1:8000', 'http://127.0.0.1:8000'],
    ['[::1]:8000', 'http://[::1]:8000'],
    ['LOCALHOST:8000', 'http://localhost:8000'],
    ['localhost', 'http://localhost'],
    ['localhost:80', 'http://localhost'],
    ['localhost', 'https://localhost'],
    ['localhost:443', 'https://localhost'],
    ['localhost:8443', 'https://localhost:8443'],
  ]
  for (const [host, origin] of own) {
    test(`a page of ${origin} may ask ${host}`, () => {
      expect(verdict({ host, origin })).toBe('in')
      expect(verdict({ host, origin, 'sec-fetch-site': 'same-origin' })).toBe('in')
    })

    test(`a request that a browser marks as cross-site may not ask ${host}, even with the origin ${origin}`, () => {
      for (const site of ['cross-site', 'Cross-Site', 'none, cross-site', 'cross-site, none']) {
        expect(verdict({ host, origin, 'sec-fetch-site': site })).toBe('host_not_allowed')
        expect(verdict({ host, 'sec-fetch-site': site })).toBe('host_not_allowed')
      }
    })
  }

  const foreign: readonly (readonly [host: string, origin: string])[] = [
    // other programs of this machine, which may show any web page
    ['localhost:8000', 'http://localhost:3000'],
    ['localhost:8000', 'http://localhost'],
    ['localhost', 'http://localhost:8000'],
    ['localhost:8000', 'http://127.0.0.1:8000'],
    ['127.0.0.1:8000', 'http://localhost:8000'],
    ['127.0.0.1:8000', 'http://[::1]:8000'],
    ['localhost:80', 'https://localhost'],
    ['localhost:443', 'http://localhost'],
    ['localhost:8000', 'null'],
    ['localhost:8000', ''],
    ['localhost:8000', 'localhost:8000'],
    ['localhost:8000', '//localhost:8000'],
    ['localhost:8000', 'file://localhost:8000'],
    ['localhost:8000', 'ws://localhost:8000'],
    ['localhost:8000', 'chrome-extension://abcdefghijklmnop'],
    ['localhost:8000', 'http://localhost:8000/'],
    ['localhost:8000', 'http://evil@localhost:8000'],
    ['localhost:8000', 'http://localhost:8000@evil.com'],
    ['localhost:8000', 'http://localhost:8000.evil.com'],
    ['localhost:8000', 'http://localhost:8000, http://evil.com'],
    ['localhost:8000', 'http://evil.com'],
  ]
  for (const [host, origin] of foreign) {
    test(`a page of ${origin || 'no origin'} may not ask ${host}`, () => {
      for (const site of [undefined, 'same-origin', 'same-site', 'cross-site', 'none'])
        expect(verdict({ host, origin, ...(site && { 'sec-fetch-site': site }) })).toBe('host_not_allowed')
    })
  }

  test('a page of another origin may not ask without an Origin header either, for example for a picture', () => {
    for (const site of ['cross-site', 'same-site', 'CROSS-SITE', 'whatever'])
      expect(verdict({ host: 'localhost', 'sec-fetch-site': site })).toBe('host_not_allowed')
    for (const site of ['same-origin', 'none'])
      expect(verdict({ host: 'localhost', 'sec-fetch-site': site })).toBe('in')
  })

  test('a program other than a browser may ask', () => {
    expect(verdict({ host: 'localhost:8000' })).toBe('in')
  })

  describe('on a public address', () => {
    test('a page may ask its own address or name', () => {
      for (const host of ['192.168.1.4:8000', '[fd00::4]:8000', 'gateway.lan', 'box:8000'])
        for (const scheme of ['http', 'https'])
          expect(verdict({ host, origin: `${scheme}://${host}` }, anywhere)).toBe('in')
    })

    test('a page of another address or name may not ask, even if that address or name is also ours', () => {
      for (const origin of [
        'http://192.168.1.5:8000',
        'http://192.168.1.4',
        'http://gateway.lan',
        'http://localhost:8000',
        'http://6.6.6.6',
      ])
        expect(verdict({ host: '192.168.1.4:8000', origin }, anywhere)).toBe('host_not_allowed')
      expect(verdict({ host: '192.168.1.4:8000', 'sec-fetch-site': 'cross-site' }, anywhere)).toBe('host_not_allowed')
      expect(verdict({ host: 'gateway.lan', origin: 'http://evil.gateway.lan' }, anywhere)).toBe('host_not_allowed')
      expect(verdict({ host: 'gateway.lan', 'sec-fetch-site': 'same-site' }, anywhere)).toBe('host_not_allowed')
    })
  })

  describe('an origin in CORS_ORIGINS', () => {
    const named = { ...open, corsOrigins: ['https://chat.example', 'http://localhost:3000'] }

    test('may ask with a request that its browser marks as cross-site', () => {
      for (const origin of named.corsOrigins)
        for (const site of ['cross-site', 'same-site', 'same-origin'])
          expect(verdict({ host: 'localhost:8000', origin, 'sec-fetch-site': site }, named)).toBe('in')
    })

    test('does not allow other origins, or another Host', () => {
      expect(verdict({ host: 'localhost', origin: 'http://chat.example' }, named)).toBe('host_not_allowed')
      expect(verdict({ host: 'localhost', 'sec-fetch-site': 'cross-site' }, named)).toBe('host_not_allowed')
      expect(verdict({ host: 'evil.com', origin: 'https://chat.example' }, named)).toBe('host_not_allowed')
    })

    test('is ignored if it is the wildcard and there is no key', () => {
      const all = { ...open, corsOrigins: ['*'] }
      for (const origin of ['https://chat.example', 'null', '*x'])
        expect(verdict({ host: 'localhost', origin }, all)).toBe('host_not_allowed')
      expect(corsHeaders(new Headers({ origin: 'https://chat.example' }), all)).toEqual({})
    })
  })
})

test('if a key is configured, the origin of a page is not checked, because the page must send the key', () => {
  for (const headers of [{ origin: 'http://evil.com' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }])
    expect(verdict({ host: 'gateway.example', ...headers }, keyed)).toBe('in')
  expect(verdict({ host: 'a, b' }, keyed)).toBe('invalid_host')
})

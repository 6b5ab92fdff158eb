/** What the console's server sends: the page to browsers only, files that never change, and nothing from another origin. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { buildPage } from '../src/console/build-page.ts'
import { askRaw, key, startApp, type TestApp } from './attacks/rig.ts'

let app: TestApp
beforeAll(() => {
  app = startApp({ API_MASTER_KEY: key })
})
afterAll(() => app[Symbol.asyncDispose]())

const page = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

/** Asks without the headers that `fetch` would add. */
function ask(target: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return askRaw(app.url, `${method} ${target} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n${lines.join('')}\r\n`)
}

/** The files that the document names. */
async function fileNames(): Promise<readonly string[]> {
  const { body } = await ask('/', { accept: page })
  return [...body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path)
}

async function textOf(path: string): Promise<string> {
  return await (await fetch(app.url + path)).text()
}

describe('who gets the page at /', () => {
  for (const accept of [page, 'text/html', 'TEXT/HTML', 'application/json, text/html;q=0.1', 'text/html;level=1'])
    test(`Accept: ${accept}`, async () => {
      const { status, headers, body } = await ask('/', { accept })
      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
      expect(body).toStartWith('<!doctype html>')
    })

  for (const accept of ['*/*', 'application/json', 'text/*', '', 'text/html;q=0', 'text/html; q=0.00', 'text/htmlx'])
    test(`Accept: "${accept}" gets JSON`, async () => {
      const { status, headers, body } = await ask('/', { accept })
      expect([status, headers.get('content-type')]).toEqual([200, 'application/json'])
      expect(JSON.parse(body)).toEqual({ message: expect.stringContaining('/v1'), version: expect.any(String) })
    })

  test('a client that names no type gets JSON, as curl and the SDKs do', async () => {
    expect(JSON.parse((await ask('/')).body)).toMatchObject({ message: expect.any(String) })
    expect(await (await fetch(app.url)).json()).toMatchObject({ message: expect.any(String) })
  })

  test('/docs is the page for a browser, and names the document to programs', async () => {
    expect((await ask('/docs', { accept: page })).body).toStartWith('<!doctype html>')
    expect(JSON.parse((await ask('/docs')).body)).toMatchObject({ message: expect.stringContaining('/openapi.json') })
  })

  test('a cache keeps the two apart', async () => {
    for (const accept of [page, '*/*']) expect((await ask('/', { accept })).headers.get('vary')).toContain('Accept')
  })

  test('HEAD has the headers of GET and no body', async () => {
    const response = await fetch(app.url, { method: 'HEAD', headers: { accept: page } })
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await response.text()).toBe('')
  })
})

describe('the document', () => {
  test('may only use its own server, and no text is run as a script', async () => {
    const { headers } = await ask('/', { accept: page })
    const policy = headers.get('content-security-policy') ?? ''
    const directives = new Map(policy.split('; ').map((text) => [text.split(' ')[0] ?? '', text.split(' ').slice(1)]))
    expect(directives.get('default-src')).toEqual(["'none'"])
    for (const name of ['base-uri', 'form-action', 'frame-ancestors']) expect(directives.get(name)).toEqual(["'none'"])
    expect(directives.get('require-trusted-types-for')).toEqual(["'script'"])
    const sources = [...directives].filter(([name]) => name.endsWith('-src')).flatMap(([, values]) => values)
    expect(sources.length).toBeGreaterThan(4)
    for (const source of sources) expect(["'self'", "'none'", 'data:']).toContain(source)
    expect(policy).not.toContain('unsafe')
    expect(directives.get('script-src')).toEqual(["'self'"])
    expect(directives.get('connect-src')).toEqual(["'self'"])
  })

  test('is neither framed, guessed at, nor told to other sites', async () => {
    const { headers } = await ask('/', { accept: page })
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-cache',
    })
    expect(headers.has('set-cookie')).toBe(false)
  })

  test('has no inline script and no inline style', async () => {
    const { body } = await ask('/', { accept: page })
    expect(body).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:/i)
  })

  test('has nothing of the caller and needs no key', async () => {
    expect((await ask('/', { accept: page })).body).toBe(
      (await ask('/?key=canary', { accept: page, authorization: `Bearer ${key}` })).body,
    )
  })
})

describe('the files of the page', () => {
  test('are named by their content, and never change', async () => {
    const names = await fileNames()
    expect(names.length).toBeGreaterThanOrEqual(2)
    for (const name of names) {
      expect(name).toMatch(/^\/console\/[\w-]+-[a-z0-9]{8}\.(js|css)$/)
      const { status, headers } = await ask(name)
      expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable'])
      expect(headers.get('content-type')).toBe(
        name.endsWith('.js') ? 'text/javascript; charset=utf-8' : 'text/css; charset=utf-8',
      )
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  test('are sent compressed to those who take gzip', async () => {
    for (const name of await fileNames()) {
      const plain = await textOf(name)
      for (const accepted of ['gzip', 'deflate, GZIP, br', 'gzip;q=0.5']) {
        const response = await fetch(app.url + name, { headers: { 'accept-encoding': accepted }, decompress: false })
        const bytes = new Uint8Array(await response.arrayBuffer())
        expect([accepted, response.headers.get('content-encoding')]).toEqual([accepted, 'gzip'])
        expect(Number(response.headers.get('content-length'))).toBe(bytes.length)
        expect(new TextDecoder().decode(Bun.gunzipSync(bytes))).toBe(plain)
        expect(response.headers.get('vary')).toContain('Accept-Encoding')
      }
    }
  })

  test('are sent as they are to those who do not', async () => {
    for (const name of await fileNames())
      for (const accepted of ['', 'identity', 'br', 'gzip;q=0', 'gzip; q=0.0, br', 'xgzip', '*']) {
        const response = await fetch(app.url + name, { headers: { 'accept-encoding': accepted }, decompress: false })
        expect([accepted, response.headers.get('content-encoding')]).toEqual([accepted, null])
        expect(await response.text()).toBe(await textOf(name))
      }
  })

  test('are at most 150 KiB together, compressed', () => {
    const sizes = buildPage().map(({ gzip }) => Buffer.from(gzip, 'base64').length)
    const total = sizes.reduce((sum, size) => sum + size, 0)
    expect(total).toBeGreaterThan(5_000)
    expect(total).toBeLessThanOrEqual(150 * 1024)
  })

  test('are the same after another build', () => {
    expect(buildPage()).toEqual(buildPage())
  })

  test('a name that no file has is 404, whatever is tried', async () => {
    const [name = ''] = await fileNames()
    const tricks = [
      '/console/',
      '/console/none.js',
      '/console/..%2f..%2fetc%2fpasswd',
      '/console/%2e%2e/main.tsx',
      '/console/..%5cmain.tsx',
      '/console/page/main.tsx',
      '/console/__proto__',
      '/console/constructor',
      '/console/%00',
      '/console/%ff',
      '/console/%',
      `${name}%00`,
      `${name}.map`,
      `${name}/`,
      `/console${name}`,
    ]
    for (const trick of tricks) {
      const { status, body } = await ask(trick, { authorization: `Bearer ${key}` })
      expect([trick, status]).toEqual([trick, 404])
      expect(JSON.parse(body)).toMatchObject({ error: { message: expect.any(String) } })
    }
  })
})

/**
 * Addresses that stand in the files but are fetched by nobody: names of XML, hints of libraries, and the examples and links of
 * Connect. A new one is judged here.
 */
const named = [
  'http://www.w3.org/',
  // in the settings that Connect shows to paste: a container's name for its host, and the schema of a file
  'http://host.docker.internal',
  'https://opencode.ai/config.json',
  // in the text of an error
  'https://github.com/markedjs/marked.',
]

describe('nothing is loaded from elsewhere:', () => {
  test('no file names another server', async () => {
    for (const name of await fileNames()) {
      const written = /(?:\b(?:https?|wss?):|["'`(=])\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)+[^\s"'`)\\]*/gi
      const addresses = [...(await textOf(name)).matchAll(written)].map(([address]) => address)
      const foreign = addresses.filter((address) => !named.some((known) => address.startsWith(known)))
      expect([name, foreign]).toEqual([name, []])
    }
  })

  test('the style has no import, and no picture but in itself', async () => {
    for (const name of (await fileNames()).filter((path) => path.endsWith('.css'))) {
      const text = await textOf(name)
      expect(text).not.toContain('@import')
      for (const [, address = ''] of text.matchAll(/url\(\s*["']?([^)"']*)/g)) expect(address).toStartWith('data:')
    }
  })

  test('no script makes a script of a text', async () => {
    for (const name of (await fileNames()).filter((path) => path.endsWith('.js'))) {
      const text = await textOf(name)
      expect(text).not.toMatch(/\beval\(|new Function\(|document\.write|insertAdjacentHTML|\.srcdoc\b/)
      expect(text).not.toMatch(/localStorage\.\w+\([^)]*key/i)
    }
  })
})

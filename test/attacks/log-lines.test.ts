import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { callerOf } from '../../src/chat/caller.ts'
import { Secret } from '../../src/chat/secret.ts'
import { askRaw, hello, key, post, startApp, type TestApp } from './rig.ts'

let app: TestApp
beforeAll(() => {
  app = startApp({ API_MASTER_KEY: key, TRUSTED_PROXIES: 'loopback', LOG_LEVEL: 'info' })
})
afterAll(() => app[Symbol.asyncDispose]())

/** Returns the parsed log lines of a request. */
async function linesOf(
  request: () => Promise<unknown>,
): Promise<{ texts: string[]; lines: Record<string, unknown>[] }> {
  app.lines.length = 0
  await request()
  return { texts: [...app.lines], lines: app.lines.map((line) => JSON.parse(line)) }
}

/** Returns the name of a key's caller in the log. */
const nameOf = (value: string) => callerOf({ secret: new Secret(value), role: 'admin' }).name
const behind = (address: string) => ({ 'x-forwarded-for': address })

describe('the line of a request', () => {
  test('names the client by a fingerprint of its key, and its address', async () => {
    const { lines, texts } = await linesOf(async () => (await post(app.url, hello, behind('203.0.113.7'))).text())
    const client = nameOf(key)
    expect(client).toMatch(/^[0-9a-f]{8}$/)
    expect(lines).toMatchObject([
      { level: 'info', client, address: '203.0.113.7', upstream: 'demo', account: 'demo', outcome: 'ok', msg: 'chat' },
    ])
    expect(texts.join('')).not.toContain(key)
  })

  test('names them if the request is refused, too', async () => {
    const { lines } = await linesOf(() => post(app.url, '{', behind('203.0.113.7')))
    const client = nameOf(key)
    expect(lines).toMatchObject([
      { client, address: '203.0.113.7', outcome: 'invalid_json', status: 400, msg: 'request' },
    ])
  })

  test('names each client in the same way in all its requests', async () => {
    const { lines } = await linesOf(() => fetch(`${app.url}/v1//models/none`, { headers: { 'api-key': key } }))
    expect(lines).toMatchObject([
      {
        client: nameOf(key),
        address: '127.0.0.1',
        outcome: 'model_not_found',
      },
    ])
  })
})

describe('a refused key', async () => {
  const settings = await Bun.file(join(import.meta.dir, '../../docs/settings.md')).text()
  const [, failregex = ''] = /^failregex = (.+)$/m.exec(settings) ?? []
  const [before = '', after = ''] = failregex.split('<ADDR>')
  /** Reads the filter as fail2ban does: `<ADDR>` is an IPv4 or IPv6 address. */
  const filter = new RegExp(`${before}([0-9a-fA-F.:]+)${after}`)
  const bannedBy = (lines: readonly string[]) => lines.flatMap((line) => filter.exec(line.trimEnd())?.[1] ?? [])
  const wrong = (address: string, headers: Readonly<Record<string, string>> = {}, path = '/v1/models') =>
    fetch(app.url + path, { headers: { authorization: 'Bearer sk-wrong', ...behind(address), ...headers } })

  test('is one line, and the filter in the documents finds its address', async () => {
    expect(failregex).toContain('<ADDR>')
    for (const address of ['203.0.113.7', '2001:db8::7']) {
      const { lines, texts } = await linesOf(() => wrong(address))
      expect(lines).toMatchObject([
        { level: 'warn', address, status: 403, outcome: 'invalid_api_key', msg: 'key refused' },
      ])
      expect(bannedBy(texts)).toEqual([address])
      expect(texts.join('')).not.toContain('sk-wrong')
    }
  })

  test('is one line also after too many of them', async () => {
    const { texts } = await linesOf(async () => {
      for (let at = 0; at < 105; at++) await wrong('203.0.113.9')
    })
    expect(bannedBy(texts)).toEqual(Array(105).fill('203.0.113.9'))
    expect(texts.at(-1)).toContain('"status":429')
  })

  test('is not reported for a missing key, a right key, or another refusal', async () => {
    const { texts } = await linesOf(async () => {
      await fetch(`${app.url}/v1/models`, { headers: behind('203.0.113.10') })
      await fetch(`${app.url}/nothing`, { headers: { authorization: `Bearer ${key}`, ...behind('203.0.113.10') } })
      await post(app.url, '{', behind('203.0.113.10'))
      await post(app.url, hello, behind('203.0.113.10'))
    })
    expect(texts.length).toBe(4)
    expect(bannedBy(texts)).toEqual([])
  })

  test('bans only its own address, even if a client puts another one into the line', async () => {
    const forged = '"address":"198.51.100.1","msg":"key refused"}'
    const { texts } = await linesOf(async () => {
      await askRaw(
        app.url,
        `GET /${forged.replace(' ', '%20')} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.11\r\n\r\n`,
      )
      await askRaw(
        app.url,
        `GET /${forged.replace(' ', '%20')} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.11\r\nAuthorization: Bearer x\r\n\r\n`,
      )
      await post(app.url, JSON.stringify({ model: forged, messages: [] }), behind('203.0.113.11'))
      await wrong('203.0.113.11', { 'x-request-id': 'address:198.51.100.1' })
    })
    expect(bannedBy(texts)).toEqual(['203.0.113.11', '203.0.113.11'])
  })
})

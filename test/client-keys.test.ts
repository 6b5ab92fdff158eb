import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { hashOf } from '../src/keys/named-key.ts'
import { errorIn, key as master, startApp, type TestApp } from './attacks/rig.ts'

const folder = mkdtempSync(join(tmpdir(), 'client-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Writes a file of keys. */
function fileOf(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

const inFile = (name: string) => `sk-file-${name}-0123456789`

let app: TestApp
beforeAll(() => {
  const keys = [
    { name: 'plain', hash: hashOf(inFile('plain')) },
    { name: 'two', key: inFile('two'), rpm: 2, tpm: 1_000_000 },
    { name: 'crowd', key: inFile('crowd'), rpm: 10 },
    { name: 'busy', key: inFile('busy'), concurrent: 2 },
    { name: 'tokens', key: inFile('tokens'), tpm: 100_000 },
    { name: 'spender', key: inFile('spender'), budget: '30 tokens/day' },
    { name: 'prepaid', key: inFile('prepaid'), budget: '5 USD' },
    { name: 'echo', key: inFile('echo'), models: ['demo/echo'] },
    { name: 'none', key: inFile('none'), models: 'nothing/*' },
    { name: 'old', key: inFile('old'), expires: '2020-01-31' },
    {
      name: 'card',
      key: inFile('card'),
      models: 'demo/echo, *mini*',
      expires: '2099-01-31',
      budget: '5000 tokens/month',
    },
    { name: 'boss', key: inFile('boss'), role: 'admin', owner: 'ops' },
  ]
  app = startApp({
    API_MASTER_KEY: master,
    API_KEYS_FILE: fileOf('keys.json', JSON.stringify({ keys })),
    ALIASES: 'parrot = demo/echo',
  })
})
afterAll(() => app[Symbol.asyncDispose]())

const Answer = z.object({ usage: z.object({ total_tokens: z.int().positive() }) })

const chatBody = { model: 'demo/echo', messages: [{ role: 'user', content: 'hello' }] }

function send(key: string, path: string, body?: object, method = body ? 'POST' : 'GET'): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return fetch(app.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
}

const chat = (key: string, fields: object = {}) => send(key, '/v1/chat/completions', { ...chatBody, ...fields })

async function refusalOf(response: Response) {
  return { status: response.status, ...errorIn(await response.text()) }
}

describe('a key of API_KEYS_FILE', () => {
  test('lets its caller in, whose name is in the log', async () => {
    expect((await chat(inFile('plain'))).status).toBe(200)
    expect(app.lines.some((line) => line.includes('"client":"plain"'))).toBe(true)
  })

  test('with a role of user is no admin', async () => {
    expect(await refusalOf(await send(inFile('plain'), '/admin/keys'))).toMatchObject({
      status: 403,
      code: 'admin_key_required',
    })
    expect((await send(inFile('boss'), '/admin/keys')).status).toBe(200)
  })

  test('is told only of its own models when it names an unknown one', async () => {
    const { message } = await refusalOf(await chat(inFile('echo'), { model: 'demo/ech' }))
    expect(message).toContain('The nearest names are "demo/echo". GET')
    const other = await refusalOf(await chat(inFile('echo'), { tributary: { only: ['dem'] } }))
    expect(other.message).toContain('no upstream "dem". The nearest is "demo".')
    const none = await refusalOf(await chat(inFile('none'), { model: 'demo/ech' }))
    expect(none.message).toBe('The model "demo/ech" does not exist here. GET /v1/models lists those that do.')
  })

  test('sees what it may use, and what it has spent', async () => {
    const none = { models: null, expires: null, budget: null }
    expect(await (await send(inFile('plain'), '/v1/me')).json()).toMatchObject({
      name: 'plain',
      role: 'client',
      ...none,
    })
    expect(await (await send(master, '/v1/me')).json()).toMatchObject({ role: 'admin', ...none })
    expect(await (await send(inFile('card'), '/v1/me')).json()).toMatchObject({
      ...{ models: ['demo/echo', '*mini*'], expires: '2099-02-01T00:00:00.000Z' },
      budget: {
        amount: 5_000,
        unit: 'tokens',
        period: 'month',
        used: 0,
        resets_at: expect.stringMatching(/-01T00:00:00/),
      },
    })
    const { usage } = Answer.parse(await (await chat(inFile('card'))).json())
    expect(await (await send(inFile('card'), '/v1/me')).json()).toMatchObject({ budget: { used: usage.total_tokens } })
    expect(await (await send(inFile('prepaid'), '/v1/me')).json()).toMatchObject({
      budget: { amount: 5, unit: 'USD', period: null, used: 0, resets_at: null },
    })
  })

  test('is refused when its time is over', async () => {
    expect(await refusalOf(await chat(inFile('old')))).toMatchObject({
      status: 403,
      code: 'key_expired',
      message: expect.stringContaining('2020-02-01T00:00:00.000Z'),
    })
  })

  test('cannot be replaced by its hash', async () => {
    expect((await chat(hashOf(inFile('plain')))).status).toBe(403)
  })
})

describe('the limits of a key', () => {
  test('are told with every answer, and 429 follows when they are used up', async () => {
    const first = await chat(inFile('two'))
    expect(first.status).toBe(200)
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    expect(first.headers.get('x-ratelimit-reset-requests')).toMatch(/^(60|61)s$/)
    expect(first.headers.get('x-ratelimit-limit-tokens')).toBe('1000000')
    expect((await chat(inFile('two'))).status).toBe(200)
    const third = await chat(inFile('two'))
    expect(Number(third.headers.get('retry-after'))).toBeWithin(58, 62)
    expect(third.headers.get('x-ratelimit-remaining-requests')).toBe('0')
    expect(await refusalOf(third)).toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' })
    const anthropic = await send(inFile('two'), '/v1/messages', { ...chatBody, max_tokens: 5 })
    expect(anthropic.headers.get('anthropic-ratelimit-requests-remaining')).toBe('0')
    expect(anthropic.headers.get('anthropic-ratelimit-requests-reset')).toMatch(/^20\d\d-.*Z$/)
    expect(anthropic.status).toBe(429)
    expect(await anthropic.text()).toContain('"type":"rate_limit_error"')
    // what asks no upstream is not counted
    expect((await send(inFile('two'), '/v1/models')).status).toBe(200)
  })

  test('P19: of 1,000 requests at once exactly as many are answered as may be', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        const response = await chat(inFile('crowd'))
        await response.arrayBuffer()
        return response.status
      }),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(990)
  })

  test('let streams over the limit wait for their turn', async () => {
    const texts = await Promise.all(
      Array.from({ length: 6 }, async () => (await chat(inFile('busy'), { stream: true })).text()),
    )
    for (const text of texts) expect(text).toContain('[DONE]')
  })

  test('count the true tokens of an answer, not those that were expected', async () => {
    const response = await chat(inFile('tokens'))
    const { usage }: { usage: { total_tokens: number } } = JSON.parse(await response.text())
    const after = await send(inFile('tokens'), '/v1/models')
    expect(Number(after.headers.get('x-ratelimit-remaining-tokens'))).toBe(100_000 - usage.total_tokens)
  })

  test('of a budget end with insufficient_quota, which clients do not retry', async () => {
    let response = await chat(inFile('spender'))
    for (let count = 0; count < 10 && response.ok; count++) response = await chat(inFile('spender'))
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect(await refusalOf(response)).toMatchObject({
      status: 429,
      type: 'insufficient_quota',
      code: 'budget_exceeded',
      message: expect.stringContaining('30 tokens/day'),
    })
  })

  test('in money refuse a model without a known price', async () => {
    expect(await refusalOf(await chat(inFile('prepaid')))).toMatchObject({ status: 403, code: 'model_unpriced' })
  })
})

describe('the models of a key', () => {
  const idsOf = async (key: string) => {
    const { data }: { data: { id: string }[] } = JSON.parse(await (await send(key, '/v1/models')).text())
    return data.map(({ id }) => id)
  }

  test('are the only ones that it sees', async () => {
    expect(await idsOf(master)).toContain('parrot')
    expect(await idsOf(inFile('echo'))).toEqual(['demo/echo'])
    expect(await idsOf(inFile('none'))).toEqual([])
    expect((await send(inFile('echo'), '/v1/models/demo/echo')).status).toBe(200)
    expect((await send(inFile('none'), '/v1/models/demo/echo')).status).toBe(404)
  })

  test('may have other names', async () => {
    for (const model of ['demo/echo', 'echo', 'parrot'])
      expect((await chat(inFile('echo'), { model })).status).toBe(200)
  })

  for (const [path, body, word] of [
    ['/v1/chat/completions', chatBody, 'model_not_found'],
    ['/v1/responses', { model: 'demo/echo', input: 'hello' }, 'model_not_found'],
    ['/v1/messages', { ...chatBody, max_tokens: 5 }, 'not_found_error'],
    ['/v1/embeddings', { model: 'demo/echo', input: 'hello' }, 'model_not_found'],
    ['/v1/moderations', { model: 'demo/echo', input: 'hello' }, 'model_not_found'],
    [
      '/api/chat/stream',
      { session_id: 's', content: 'a', model_config: { model_name: 'demo/echo' } },
      'model_not_found',
    ],
    ['/api/chat/stream', { session_id: 's', content: 'a' }, 'model_not_found'],
  ] as const)
    test(`${path} refuses another model, as one that does not exist`, async () => {
      const response = await send(inFile('none'), path, body)
      const text = await response.text()
      expect(text).toContain(word)
      expect(response.status).toBe(404)
    })

  test('are the only ones at /mcp', async () => {
    const ask = async (name: string, args: object) => {
      const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }
      const response = await fetch(`${app.url}/mcp`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${inFile('none')}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify(body),
      })
      return response.text()
    }
    expect(await ask('list_models', {})).not.toContain('demo/echo')
    expect(await ask('ask_model', { model: 'demo/echo', prompt: 'a' })).toContain('does not exist')
  })
})

describe('/admin/keys', () => {
  const names = async () => {
    const { data }: { data: { name: string }[] } = JSON.parse(await (await send(master, '/admin/keys')).text())
    return data.map(({ name }) => name)
  }

  test('adds a key, shows it once, changes it and revokes it, each at once', async () => {
    const made = await send(master, '/admin/keys', { name: 'phone', rpm: 20, budget: '$5/month', owner: 'ann' })
    const added: { key: string } = JSON.parse(await made.text())
    expect(added).toMatchObject({ name: 'phone', rpm: 20, budget: '5 USD/month', role: 'user', source: 'state' })
    const { key } = added
    expect(key).toMatch(/^sk-tributary-[\w-]{43}$/)
    const listed = await (await send(master, '/admin/keys')).text()
    expect(listed).toContain('"phone"')
    expect(listed).not.toContain(key)
    expect(listed).not.toContain(hashOf(key))
    const ok = await send(key, '/v1/models')
    expect(ok.headers.get('x-ratelimit-limit-requests')).toBe('20')
    expect((await send(master, '/admin/keys/phone', { rpm: 7, budget: null }, 'PATCH')).status).toBe(200)
    expect((await send(key, '/v1/models')).headers.get('x-ratelimit-limit-requests')).toBe('7')
    expect((await chat(key)).status).toBe(200)
    expect((await send(master, '/admin/keys/phone', undefined, 'DELETE')).status).toBe(200)
    expect((await chat(key)).status).toBe(403)
    expect(await names()).not.toContain('phone')
    expect(app.lines.join('\n')).not.toContain(key)
  })

  const refusals: readonly (readonly [
    what: string,
    method: string,
    path: string,
    body: object,
    status: number,
    code: string,
  ])[] = [
    ['a name twice', 'POST', '', { name: 'plain' }, 409, 'key_in_file'],
    ['a name that is no name', 'POST', '', { name: 'a b' }, 400, 'invalid_value'],
    ['an unknown member', 'POST', '', { name: 'a', rmp: 5 }, 400, 'invalid_value'],
    ['a limit of nothing', 'POST', '', { name: 'a', rpm: 0 }, 400, 'invalid_value'],
    ['an unreadable budget', 'POST', '', { name: 'a', budget: '5' }, 400, 'invalid_value'],
    ['no patterns', 'POST', '', { name: 'a', models: [] }, 400, 'invalid_value'],
    ['a key of the caller’s choice', 'POST', '', { name: 'a', key: 'sk-0123456789abcdef' }, 400, 'invalid_value'],
    ['a change that is no object', 'PATCH', '/nobody', [], 400, 'invalid_value'],
    ['a change of a key of the file', 'PATCH', '/plain', { rpm: 5 }, 409, 'key_in_file'],
    ['the end of a key of the file', 'DELETE', '/plain', {}, 409, 'key_in_file'],
    ['a key that does not exist', 'DELETE', '/nobody', {}, 404, 'not_found'],
  ]
  for (const [what, method, path, body, status, code] of refusals)
    test(`refuses ${what}`, async () => {
      expect(await refusalOf(await send(master, `/admin/keys${path}`, body, method))).toMatchObject({ status, code })
    })
})

test('a first key must be an admin’s, because the gateway is no longer open with it', async () => {
  await using open = startApp()
  const add = (body: object) =>
    fetch(`${open.url}/admin/keys`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
  expect(await refusalOf(await add({ name: 'phone' }))).toMatchObject({ status: 409, code: 'admin_key_missing' })
  expect((await add({ name: 'boss', role: 'admin' })).status).toBe(200)
  expect((await add({ name: 'phone' })).status).toBe(401)
  expect((await fetch(`${open.url}/v1/models`)).status).toBe(401)
})

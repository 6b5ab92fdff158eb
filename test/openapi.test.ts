/** `openapi.json` matches the list of surfaces, and the running program matches `openapi.json`. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import openapi from '../openapi.json'
import { describeSurfaces } from '../src/api/describe-surfaces.ts'
import { surfaces } from '../src/api/surfaces/index.ts'
import { version } from '../src/version.ts'
import { hello, key, startApp, type TestApp } from './attacks/rig.ts'

test('openapi.json matches the list of surfaces: `bun run openapi` writes it', () => {
  expect<unknown>(openapi).toEqual(JSON.parse(JSON.stringify(describeSurfaces(surfaces, version))))
})

test('each referenced schema exists, and each schema is referenced', () => {
  const named = JSON.stringify(openapi).matchAll(/"#\/components\/schemas\/(\w+)"/g)
  const names = [...named].map(([, name = '']) => name)
  expect([...new Set(names)].sort()).toEqual(Object.keys(openapi.components.schemas).sort())
})

test('two schemas with the same name are a mistake in the list', () => {
  const [first] = surfaces
  if (!first) throw new Error('there is no surface')
  expect(() => describeSurfaces([first, { ...first, schemas: { Error: {} } }], version)).toThrow('two schemas Error')
})

const $defs = JSON.parse(JSON.stringify(openapi.components.schemas).replaceAll('#/components/schemas/', '#/$defs/'))

/** Values that do not match the schema. */
function faultsIn(name: string, value: unknown): readonly unknown[] {
  return z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs }).safeParse(value).error?.issues ?? []
}

test('a schema refuses values that do not match', () => {
  expect(faultsIn('ModelList', { object: 'list', data: [{ id: 7 }] })).not.toEqual([])
  expect(faultsIn('NextMessage', { session_id: 's' })).not.toEqual([])
})

describe('the program matches openapi.json:', () => {
  let app: TestApp
  beforeAll(() => {
    app = startApp({ API_MASTER_KEY: key })
  })
  afterAll(() => app[Symbol.asyncDispose]())

  const ask = (line: string, body?: unknown) => {
    const [method = '', path = ''] = line.split(' ')
    const headers = { 'x-api-key': key, 'content-type': 'application/json' }
    return fetch(app.url + path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
  }
  const next = { session_id: 's', content: 'Hello', model_config: { model_name: 'demo/echo' } }
  const direct = { session_id: 'd', messages: [{ role: 'user', content: 'Hello' }], model_config: next.model_config }

  const answers: readonly (readonly [line: string, gives: string, body?: unknown, takes?: string])[] = [
    ['GET /', 'Greeting'],
    ['GET /health', 'Health'],
    ['GET /ready', 'Readiness'],
    ['GET /openapi.json', 'OpenApi'],
    ['GET /v1/models', 'ModelList'],
    ['GET /v1/models/demo/echo', 'Model'],
    ['POST /v1/chat/completions', 'ChatCompletion', JSON.parse(hello), 'ChatCompletionRequest'],
    ['GET /api/tools', 'ToolList'],
    ['GET /api/servers', 'ServerList'],
    ['POST /api/chat/abort', 'Aborted', { session_id: 's' }, 'AbortRequest'],
    ['GET /admin/upstreams', 'UpstreamList'],
    ['POST /admin/upstreams/demo/test', 'UpstreamTest'],
    ['POST /admin/accounts', 'Error', { variables: { OPENAI_API_KEY: 'two words' } }, 'NewCredential'],
    ['PUT /admin/accounts/OPENAI_API_KEY', 'Error', { value: 'text' }, 'ReplacedCredential'],
    ['POST /admin/upstreams/demo/accounts/demo/rest', 'UpstreamAccount', { minutes: 1 }, 'AccountRest'],
    ['POST /admin/upstreams/demo/accounts/demo/wake', 'UpstreamAccount'],
    ['DELETE /admin/upstreams/demo/drift', 'ForgottenDrift'],
    ['GET /admin/settings', 'SettingList'],
    ['GET /admin/overview', 'Overview'],
    ['GET /admin/tools', 'ToolServers'],
    ['POST /admin/tools/builtin__current_time/call', 'ToolTrialResult', { arguments: {} }, 'ToolTrial'],
    ['POST /admin/tool-servers/builtin/restart', 'Error'],
    ['POST /admin/reload', 'Reload'],
    ['POST /admin/restart', 'Error'],
    ['GET /nothing', 'Error'],
    ['GET /api/sessions/none/messages', 'Error'],
  ]
  for (const [line, gives, body, takes] of answers)
    test(`${line} answers with ${gives}`, async () => {
      if (takes) expect(faultsIn(takes, body)).toEqual([])
      expect(faultsIn(gives, await (await ask(line, body)).json())).toEqual([])
    })

  test('GET /openapi.json is the document itself', async () => {
    expect<unknown>(await (await ask('GET /openapi.json')).json()).toEqual(openapi)
    const head = await ask('HEAD /openapi.json')
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'application/json'])
  })

  const streams: readonly (readonly [line: string, takes: string, body: object, event: string])[] = [
    [
      'POST /v1/chat/completions',
      'ChatCompletionRequest',
      { ...JSON.parse(hello), stream: true },
      'ChatCompletionChunk',
    ],
    ['POST /api/chat/stream', 'NextMessage', next, 'ChatEvent'],
    ['POST /api/chat/stream/direct', 'Conversation', direct, 'ChatEvent'],
  ]
  for (const [line, takes, body, event] of streams)
    test(`${line} accepts ${takes}, and streams ${event}`, async () => {
      expect(faultsIn(takes, body)).toEqual([])
      const lines = (await (await ask(line, body)).text()).split('\n').filter((text) => text.startsWith('data: {'))
      expect(lines.length).toBeGreaterThan(5)
      for (const text of lines) expect(faultsIn(event, JSON.parse(text.slice('data: '.length)))).toEqual([])
    })

  test('a session, its messages and its end', async () => {
    await (await ask('POST /api/chat/stream', { ...next, session_id: 'kept' })).text()
    for (const [line, gives] of [
      ['GET /api/sessions', 'SessionList'],
      ['GET /api/sessions/kept/messages', 'StoredMessageList'],
      ['DELETE /api/sessions/kept/messages', 'SessionDeleted'],
    ] as const) {
      const response = await ask(line)
      expect([response.status, faultsIn(gives, await response.json())]).toEqual([200, []])
    }
  })
})

/** What an upstream said of its calls goes back to it, also from clients that have no place for it, or that drop unknown fields. */
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { signature } from '../src/providers/anthropic/emulator/answer.ts'
import { emulateAnthropic } from '../src/providers/anthropic/emulator/index.ts'
import { emulateOpenai, thoughtSignature } from '../src/providers/openai-compatible/emulator/index.ts'
import { encryptedFor } from '../src/providers/openai-compatible/emulator/responses-body.ts'
import { startGateway } from './chaos/gateway.ts'

const google = await emulateOpenai({ models: ['gemini-3-pro', 'gemini-3-flash'], signsCalls: true })
const anthropic = await emulateAnthropic({ models: ['claude-test'] })
const openai = await emulateOpenai()
const gateway = startGateway({
  HOST: '127.0.0.1',
  API_MASTER_KEY: 'first-key-of-tests,second-key-of-tests',
  GEMINI_API_KEY: 'any-key',
  GEMINI_BASE_URL: google.url,
  ANTHROPIC_API_KEY: 'any-key',
  ANTHROPIC_BASE_URL: anthropic.origin,
  UPSTREAM_LAB_URL: openai.url,
  UPSTREAM_LAB_API: 'responses',
})
const services = { google, anthropic, openai }
let seen = { google: 0, anthropic: 0, openai: 0 }
afterEach(() => {
  seen = { google: google.chats.length, anthropic: anthropic.chats.length, openai: openai.chats.length }
})
afterAll(async () => {
  await gateway.close()
  for (const service of Object.values(services)) await service.close()
})

// biome-ignore lint/suspicious/noExplicitAny: bodies of three dialects, which the expectations read
type Json = any

async function post(path: string, body: object, key = 'first-key-of-tests'): Promise<Json> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const response = await fetch(gateway.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(JSON.stringify(answer))
  return answer
}

const question = 'call weather time'
const schema = { type: 'object', properties: { city: { type: 'string' } } }
const names = ['weather', 'time']

/** A client that repeats its calls with nothing but their own members, and then gives their results. */
type Client = (model: string, answered?: { readonly model?: string; readonly key?: string }) => Promise<Json>

const clients: Readonly<Record<string, Client>> = {
  async 'Chat Completions'(model, { model: next = model, key } = {}) {
    const tools = names.map((name) => ({ type: 'function', function: { name, parameters: schema } }))
    const asked = [{ role: 'user', content: question }]
    const first = await post('/v1/chat/completions', { model, messages: asked, tools, reasoning_effort: 'low' })
    const calls = first.choices[0].message.tool_calls.map(({ id, type, function: f }: Json) => ({
      id,
      type,
      function: f,
    }))
    const results = calls.map(({ id }: Json) => ({ role: 'tool', tool_call_id: id, content: 'fine' }))
    const messages = [...asked, { role: 'assistant', content: null, tool_calls: calls }, ...results]
    return post('/v1/chat/completions', { model: next, messages, tools, reasoning_effort: 'low' }, key)
  },

  async Messages(model, { model: next = model, key } = {}) {
    const body = { max_tokens: 9_000, thinking: { type: 'enabled', budget_tokens: 2_000 } }
    const tools = names.map((name) => ({ name, input_schema: schema }))
    const asked = [{ role: 'user', content: question }]
    const first = await post('/v1/messages', { ...body, model, messages: asked, tools })
    const content = first.content.filter(({ type }: Json) => type === 'tool_use')
    const results = content.map(({ id }: Json) => ({ type: 'tool_result', tool_use_id: id, content: 'fine' }))
    const messages = [...asked, { role: 'assistant', content }, { role: 'user', content: results }]
    const answered = { max_tokens: 9_000, model: next, messages, tools }
    return post('/v1/messages', model.startsWith('anthropic') ? answered : { ...body, ...answered }, key)
  },

  async Responses(model, { model: next = model, key } = {}) {
    const tools = names.map((name) => ({ type: 'function', name, parameters: schema, strict: false }))
    const body = { tools, store: false, reasoning: { effort: 'low' } }
    const asked = [{ role: 'user', content: question }]
    const first = await post('/v1/responses', { ...body, model, input: asked })
    const calls = first.output.filter(({ type }: Json) => type === 'function_call')
    const results = calls.map(({ call_id }: Json) => ({ type: 'function_call_output', call_id, output: 'fine' }))
    return post('/v1/responses', { ...body, model: next, input: [...asked, ...calls, ...results] }, key)
  },
}

const bodiesOf = (service: keyof typeof services): readonly Json[] => services[service].chats.slice(seen[service])
const callsTo = (body: Json) => body.messages.find(({ role }: Json) => role === 'assistant')
const signatures = (body: Json) =>
  callsTo(body).tool_calls.map(({ extra_content }: Json) => extra_content?.google.thought_signature)

for (const [name, ask] of Object.entries(clients))
  describe(name, () => {
    test('before Gemini: the first call has its signature', async () => {
      await ask('gemini/gemini-3-pro')
      expect(signatures(bodiesOf('google')[1])).toEqual([thoughtSignature, undefined])
    })

    test('before Gemini: calls of another model, or for another client, are marked as foreign', async () => {
      const foreign = ['skip_thought_signature_validator', undefined]
      await ask('gemini/gemini-3-pro', { model: 'gemini/gemini-3-flash' })
      await ask('gemini/gemini-3-pro', { key: 'second-key-of-tests' })
      await ask('lab/gpt-test', { model: 'gemini/gemini-3-pro' })
      const [, second, , fourth, fifth] = bodiesOf('google')
      expect([second, fourth, fifth].map(signatures)).toEqual([foreign, foreign, foreign])
    })

    // a client of the same dialect decides itself what it brings back
    const returns = name !== 'Messages'
    test(`before Anthropic: the thinking ${returns ? 'stands before the calls' : 'is not put back'}`, async () => {
      await ask('anthropic/claude-test')
      const { content } = callsTo(bodiesOf('anthropic')[1])
      const types = content.map(({ type }: Json) => type)
      expect(types).toEqual([...(returns ? ['thinking'] : []), 'tool_use', 'tool_use'])
      if (returns) expect(content[0].signature).toBe(signature)
    })

    const isOwn = name === 'Responses'
    test(`before the Responses API: the reasoning ${isOwn ? 'is not put back' : 'stands before the calls'}`, async () => {
      await ask('lab/gpt-test')
      const { input } = bodiesOf('openai')[1]
      const types = input.map(({ type }: Json) => type).slice(1)
      const calls = ['function_call', 'function_call', 'function_call_output', 'function_call_output']
      expect(types).toEqual([...(isOwn ? [] : ['reasoning']), ...calls])
      if (!isOwn) expect(input[1]).toMatchObject({ id: 'rs_1', encrypted_content: encryptedFor('rs_1') })
    })
  })

test('a client of Chat Completions that brings the signature back keeps its own bytes', async () => {
  const tools = [{ type: 'function', function: { name: 'weather', parameters: schema } }]
  const asked = [{ role: 'user', content: 'call weather' }]
  const first = await post('/v1/chat/completions', { model: 'gemini/gemini-3-pro', messages: asked, tools })
  const { refusal: _, ...message } = first.choices[0].message
  const messages = [...asked, message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'fine' }]
  await post('/v1/chat/completions', { model: 'gemini/gemini-3-pro', messages, tools })
  expect(bodiesOf('google')[1].messages).toEqual(messages)
})

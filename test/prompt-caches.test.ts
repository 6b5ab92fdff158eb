/** What an upstream gets is the same from turn to turn, in every client's dialect, so that its prompt cache is used. */
import { afterAll, expect, test } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { emulateAnthropic } from '../src/providers/anthropic/emulator/index.ts'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import { startGateway } from './chaos/gateway.ts'
import { callBlock, markIn, writes } from './emulation/text-model.ts'

const emulator = await emulateOpenai({
  // a model without tools writes the calls that it is told to write
  reply: (body) => {
    const mark = markIn(body)
    return mark === '' ? undefined : writes(names.map((name) => callBlock(mark, name, { city: 'Paris' })).join('\n'))
  },
})
const service = await emulateAnthropic()
const gateway = startGateway({
  UPSTREAM_LAB_URL: emulator.url,
  UPSTREAM_NEW_URL: emulator.url,
  UPSTREAM_NEW_API: 'responses',
  UPSTREAM_TEXT_URL: emulator.url,
  UPSTREAM_TEXT_TOOLS: 'none',
  ANTHROPIC_BASE_URL: service.origin,
  ANTHROPIC_API_KEY: 'any-key',
  ANTHROPIC_MODELS: 'claude-test',
})
const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0 })
const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: 'unused', maxRetries: 0 })
afterAll(async () => {
  await gateway.close()
  await emulator.close()
  await service.close()
})

const turns = 10
const names = ['weather', 'time']
/** The emulator calls these tools, and has nothing to call after their results. */
const question = `call ${names.join(' ')}`
const properties = { unit: { type: 'string' }, city: { type: 'string' } }
const schema = { type: 'object' as const, properties, required: ['city'] }

/** Ten turns in each dialect. Every answer calls two tools, and the next request has their results and another question. */
const talks: Readonly<Record<string, (model: string) => Promise<void>>> = {
  async 'Chat Completions'(model) {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'system', content: 'Be brief.' }]
    const tools = names.map((name) => ({ type: 'function' as const, function: { name, parameters: schema } }))
    for (let turn = 0; turn < turns; turn++) {
      messages.push({ role: 'user', content: question })
      const { choices } = await openai.chat.completions.create({ model, messages, tools, temperature: 0.5 })
      const message = choices[0]?.message
      if (!message) throw new Error('there is no answer')
      messages.push(message)
      for (const { id } of message.tool_calls ?? [])
        messages.push({ role: 'tool', tool_call_id: id, content: `${turn}` })
    }
  },
  async Messages(model) {
    const messages: Anthropic.MessageParam[] = []
    const tools = names.map((name) => ({ name, input_schema: { $schema: 'x', ...schema } }))
    const results: Anthropic.ContentBlockParam[] = []
    for (let turn = 0; turn < turns; turn++) {
      messages.push({ role: 'user', content: [...results.splice(0), { type: 'text', text: question }] })
      const system = `x-anthropic-billing-header: cch=${turn};`
      const blocks = [system, 'Be brief.'].map((text) => ({ type: 'text' as const, text }))
      const { content } = await anthropic.messages.create({ model, max_tokens: 99, system: blocks, messages, tools })
      messages.push({ role: 'assistant', content })
      for (const block of content)
        if (block.type === 'tool_use') results.push({ type: 'tool_result', tool_use_id: block.id, content: `${turn}` })
    }
  },
  async Responses(model) {
    const tools = names.map((name) => ({ type: 'function' as const, name, parameters: schema, strict: false }))
    const namespace = { type: 'namespace', name: 'more', tools: [{ type: 'function', name: 'wait' }] }
    let input: OpenAI.Responses.ResponseInput = []
    let previous: string | undefined
    for (let turn = 0; turn < turns; turn++) {
      const asked = [...input, { role: 'user' as const, content: question }]
      const chained = previous === undefined ? {} : { previous_response_id: previous }
      const body = { model, instructions: 'Be brief.', input: asked, tools: [...tools, namespace], ...chained }
      // the SDK has no type for a namespace yet
      const { id, output } = await openai.post<OpenAI.Responses.Response>('/responses', { body })
      previous = id
      input = output.flatMap((item) =>
        item.type === 'function_call'
          ? [{ type: 'function_call_output' as const, call_id: item.call_id, output: `${turn}` }]
          : [],
      )
    }
  },
}

for (const [dialect, talk] of Object.entries(talks))
  test(`ten turns in ${dialect} each begin with all that was sent before`, async () => {
    const before = emulator.chats.length
    await talk('lab/gpt-test')
    const sent = emulator.chats.slice(before)
    expect(sent.length).toBe(turns)
    for (const [at, { messages, ...settings }] of sent.entries()) {
      const { messages: earlier, ...first } = sent[Math.max(0, at - 1)] ?? {}
      // the closing bracket of the list is not a part of what was sent before
      if (at > 0) expect(JSON.stringify(messages)).toStartWith(JSON.stringify(earlier).slice(0, -1))
      expect(JSON.stringify(settings)).toBe(JSON.stringify(first))
    }
    expect(JSON.stringify(sent.at(-1)?.messages)).toContain('Be brief.')
    expect(sent.at(-1)?.messages).toHaveLength(1 + turns + 3 * (turns - 1))
  })

for (const [dialect, talk] of Object.entries(talks))
  test(`ten turns in ${dialect} with emulated tools each begin with all that was sent before`, async () => {
    const before = emulator.chats.length
    await talk('text/gpt-test')
    const sent = emulator.chats.slice(before)
    expect(sent.length).toBe(turns)
    for (const [at, { messages, ...settings }] of sent.entries()) {
      const { messages: earlier, ...first } = sent[Math.max(0, at - 1)] ?? {}
      if (at > 0) expect(JSON.stringify(messages)).toStartWith(JSON.stringify(earlier).slice(0, -1))
      expect(JSON.stringify(settings)).toBe(JSON.stringify(first))
    }
    expect(sent.at(-1)?.messages).toHaveLength(1 + turns + (turns - 1))
  })

/** Writes JSON without what changes from turn to turn: the marks move, and a client of the same dialect bills. */
function withoutMarks(value: unknown): string {
  return JSON.stringify(value, (name, inner) => (name === 'cache_control' ? undefined : inner)).replaceAll(
    /cch=\d+/g,
    '',
  )
}

for (const [dialect, talk] of Object.entries(talks))
  test(`ten turns in ${dialect} each begin with all that Anthropic was sent before`, async () => {
    const before = service.chats.length
    await talk('anthropic/claude-test')
    const sent = service.chats.slice(before)
    expect(sent.length).toBe(turns)
    for (const [at, { messages, ...settings }] of sent.entries()) {
      const { messages: earlier, ...first } = sent[Math.max(0, at - 1)] ?? {}
      if (at > 0) expect(withoutMarks(messages)).toStartWith(withoutMarks(earlier).slice(0, -1))
      expect(withoutMarks(settings)).toBe(withoutMarks(first))
    }
    expect(JSON.stringify(sent.at(-1)?.system)).toContain('Be brief.')
    expect(sent.at(-1)?.messages).toHaveLength(1 + 2 * (turns - 1))
  })

for (const [dialect, talk] of Object.entries(talks))
  test(`ten turns in ${dialect} each begin with all that the Responses API was sent before`, async () => {
    const before = emulator.chats.length
    await talk('new/gpt-test')
    const sent = emulator.chats.slice(before)
    expect(sent.length).toBe(turns)
    for (const [at, { input, ...settings }] of sent.entries()) {
      const { input: earlier, ...first } = sent[Math.max(0, at - 1)] ?? {}
      if (at > 0) expect(JSON.stringify(input)).toStartWith(JSON.stringify(earlier).slice(0, -1))
      expect(JSON.stringify(settings)).toBe(JSON.stringify(first))
    }
    expect(JSON.stringify(sent.at(-1))).toContain('Be brief.')
  })

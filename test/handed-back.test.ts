import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emulateCohere } from '../src/providers/cohere/emulator/index.ts'
import { type EmulatedChat, emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import { sqlitePlace } from '../src/state/sqlite/sqlite-place.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { machine } from '../src/wire/machine.double.ts'
import { sseData } from '../src/wire/sse.ts'
import { askChatServer } from './chaos/chat-server-client.ts'
import { cohereSaying } from './chaos/chat-server-model.ts'
import { startChatServer } from './chaos/chat-server-rig.ts'
import { startGateway, upstreamAt } from './chaos/gateway.ts'

// Signed parts must go back unchanged: Gemini 3 and Anthropic refuse a tool call without its signature.

const opened: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

const signed = (index: number) => ({
  id: `call_${index}`,
  type: 'function',
  function: { name: 'builtin__current_time', arguments: '{"timezone":"UTC"}', thought_signature: `fn-${index}==` },
  extra_content: { google: { thought_signature: `c2lnbmVk-${index}==` } },
})
const thought = { type: 'reasoning.text', text: 'Two clocks.', signature: 'dGV4dA==', format: 'v1', index: 0 }
const sealed = { type: 'reasoning.encrypted', data: 'ZW5jcnlwdGVk', id: 'call_0', format: 'v1', index: 1 }
const calling = {
  role: 'assistant',
  content: null,
  reasoning: 'Two clocks.',
  reasoning_details: [thought, sealed],
  extra_content: { google: { thought_signature: 'bWVzc2FnZQ==' } },
  tool_calls: [signed(0), signed(1)],
}
const closing = {
  role: 'assistant',
  content: 'It is late.',
  reasoning_content: 'Late.',
  reasoning_details: [{ type: 'reasoning.summary', summary: 'Late.', index: 0 }],
  annotations: [
    { type: 'url_citation', url_citation: { url: 'https://example.test/a', title: 'A', start_index: 0, end_index: 2 } },
  ],
  audio: { id: 'audio_1' },
}

/** The message in pieces, as services stream it. */
const deltasOf = (message: typeof calling | typeof closing): object[] => {
  if (!('tool_calls' in message)) {
    const { content, ...others } = message
    return [others, { content: content.slice(0, 4) }, { content: content.slice(4) }]
  }
  const { text, signature, ...about } = thought
  const opening = ({ function: { arguments: _, ...called }, ...call }: ReturnType<typeof signed>, index: number) => ({
    ...call,
    index,
    function: { ...called, arguments: '' },
  })
  return [
    { role: 'assistant', content: null, reasoning: 'Two ', reasoning_details: [{ ...about, text: 'Two ' }] },
    { reasoning: 'clocks.', reasoning_details: [{ ...about, text: 'clocks.' }] },
    { reasoning_details: [{ ...about, signature }] },
    { reasoning_details: [sealed], extra_content: message.extra_content },
    ...message.tool_calls.flatMap((call, index) => [
      { tool_calls: [opening(call, index)] },
      { tool_calls: [{ index, function: { arguments: call.function.arguments } }] },
    ]),
  ]
}

function scriptOf(message: typeof calling | typeof closing, stream: boolean): Script {
  const finish = 'tool_calls' in message ? 'tool_calls' : 'stop'
  const about = { id: 'chatcmpl-x', created: 1_760_000_000, model: 'm' }
  if (!stream) {
    const body = { ...about, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: finish }] }
    return { headers: { 'content-type': 'application/json' }, body: [JSON.stringify(body)] }
  }
  const chunk = (delta: object, reason: string | null = null) =>
    sseData(
      JSON.stringify({
        ...about,
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta, finish_reason: reason }],
      }),
    )
  return { body: [...deltasOf(message).map((delta) => chunk(delta)), chunk({}, finish), sseData('[DONE]')] }
}

const reply = ({ messages, stream }: EmulatedChat) =>
  scriptOf(messages.at(-1)?.role === 'tool' ? closing : calling, stream ?? false)

const assistantsIn = (chat: { readonly messages?: unknown } | undefined): unknown[] =>
  Array.isArray(chat?.messages) ? chat.messages.filter(({ role }) => role === 'assistant') : []

/** The message as it is sent back: reasoning that came under both names goes back under both. */
const told = { ...calling }
const last = { ...closing }

describe('a tool loop sends the signed parts back', () => {
  for (const stream of [true, false])
    test(stream ? 'streamed' : 'whole', async () => {
      const model = await emulateOpenai({ reply })
      const gateway = startGateway(upstreamAt('lab', model.url))
      opened.push(model, gateway)
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'lab:tools', stream, messages: [{ role: 'user', content: 'How late is it?' }] }),
      })
      expect(await response.text()).toContain(stream ? 's late.' : 'It is late.')
      expect(model.chats).toHaveLength(2)
      expect(assistantsIn(model.chats[1])).toEqual([told])
    })

  test('a client gets the signatures with its own calls, in a stream and whole', async () => {
    const model = await emulateOpenai({ reply })
    const gateway = startGateway(upstreamAt('lab', model.url))
    opened.push(model, gateway)
    const ask = async (stream: boolean) => {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'lab:tools',
          stream,
          messages: [{ role: 'user', content: 'How late is it?' }],
          tools: [{ type: 'function', function: { name: 'builtin__current_time' } }],
        }),
      })
      return response.text()
    }
    expect(JSON.parse(await ask(false)).choices[0].message).toMatchObject({
      tool_calls: calling.tool_calls,
      reasoning_details: calling.reasoning_details,
      extra_content: calling.extra_content,
    })
    const streamed = await ask(true)
    for (const signature of ['c2lnbmVk-0==', 'c2lnbmVk-1==', 'fn-0==', 'bWVzc2FnZQ==', 'ZW5jcnlwdGVk'])
      expect(streamed).toContain(signature)
  })
})

test('a client’s own history goes to the upstream unchanged', async () => {
  const model = await emulateOpenai()
  const gateway = startGateway(upstreamAt('gpt-test', model.url))
  opened.push(model, gateway)
  const messages = [
    { role: 'user', content: 'How late is it?' },
    calling,
    { role: 'tool', tool_call_id: 'call_0', content: '1' },
    { role: 'tool', tool_call_id: 'call_1', content: '2' },
    closing,
    { role: 'user', content: 'Thanks.' },
  ]
  await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-test', messages }),
  })
  expect(model.chats[0]?.messages).toEqual(messages)
})

describe('a session', () => {
  test('sends the signed parts back in the next turn, after a restart too, and only to the same model', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-'))
    opened.push({ close: () => rmSync(folder, { recursive: true }) })
    const model = await emulateOpenai({ reply })
    const other = await emulateCohere({ reply: () => cohereSaying('Indeed.') })
    opened.push(model, other)
    const variables = {
      ...upstreamAt('lab', model.url),
      UPSTREAM_LAB_MODELS: 'm,n',
      COHERE_TOKEN: 'a-cohere-token',
      COHERE_BASE_URL: other.origin,
    }
    const ask = async (content: string, model_name: string) => {
      const store = await sqlitePlace({ file: join(folder, 'state.db') }).open(machine)
      await using rig = startChatServer(variables, { store })
      await askChatServer(rig.url, { session_id: 's', content, model_config: { model_name } })
    }
    await ask('How late is it?', 'lab/m')
    await ask('And now?', 'lab/m')
    expect(assistantsIn(model.chats[2])).toEqual([told, last])
    await ask('Who says so?', 'lab/n')
    await ask('And you?', 'cohere/command-test')
    const elsewhere = JSON.stringify([assistantsIn(model.chats[4]), other.chats])
    expect(elsewhere).toContain('It is late.')
    for (const own of ['reasoning_details', 'extra_content', 'thought_signature', 'annotations', 'audio'])
      expect(elsewhere).not.toContain(own)
  })
})

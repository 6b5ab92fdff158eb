/**
 * Law 6 between different dialects: everything that both can express is kept. The whole program asks an upstream with the
 * shape of Anthropic's API. The blocks of its answers go back to it in order, with their signatures.
 */
import { afterEach, expect, test } from 'bun:test'
import type { Config } from '../../src/config/config.ts'
import { askChatServer } from '../chaos/chat-server-client.ts'
import { type ChatServerRig, startChatServer } from '../chaos/chat-server-rig.ts'
import { type Block, emulateMessages, type MessagesEmulator, type Turn } from './messages-upstream.ts'

const call = (id: string, input: object): Block => ({ type: 'tool_use', id, name: 'builtin__current_time', input })

/** Thought, text, call, thought, text. */
const first: readonly Block[] = [
  { type: 'thinking', thinking: 'A clock is needed.', signature: 'Rmlyc3Qtc2lnbmF0dXJl' },
  { type: 'text', text: 'I look at the clock.' },
  call('toolu_01EXAMPLE', { timezone: 'UTC' }),
  { type: 'thinking', thinking: 'What comes next is clear.', signature: 'U2Vjb25kLXNpZ25hdHVyZQ==' },
  { type: 'text', text: 'Then I answer.' },
]
const second: readonly Block[] = [
  { type: 'redacted_thinking', data: 'RXhhbXBsZS1kYXRhLTE=' },
  { type: 'thinking', thinking: 'One of them is broken.', signature: 'VGhpcmQtc2lnbmF0dXJl' },
  call('toolu_02EXAMPLE', { timezone: 'No/Where' }),
  call('toolu_03EXAMPLE', {}),
]
const third: readonly Block[] = [
  { type: 'thinking', thinking: 'It is late.', signature: 'Rm91cnRoLXNpZ25hdHVyZQ==' },
  { type: 'text', text: 'It is late.' },
]

let emulator: MessagesEmulator
let rig: ChatServerRig
async function startRig(messages: readonly (readonly Block[])[]): Promise<void> {
  emulator = await emulateMessages(messages)
  rig = startChatServer({}, { alter: (config): Config => ({ ...config, upstreams: [emulator.upstream] }) })
}
afterEach(async () => {
  await rig[Symbol.asyncDispose]()
  await emulator.close()
})

async function ask(body: object): Promise<string> {
  return (await answerTo(body)).text()
}

function answerTo(body: object): Promise<Response> {
  return fetch(`${rig.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'How late is it?' }], ...body }),
  })
}

const turnOf = (role: string, content: readonly object[]) => ({ role, content })
const userTurn = (text: string) => turnOf('user', [{ type: 'text', text }])
const failed = { type: 'tool_result', tool_use_id: 'toolu_02EXAMPLE', content: expect.anything(), is_error: true }
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: expect.anything() })

/** Both rounds of tools, as they stand in the third request. */
const rounds = [
  turnOf('assistant', first),
  turnOf('user', [result('toolu_01EXAMPLE')]),
  turnOf('assistant', second),
  turnOf('user', [failed, result('toolu_03EXAMPLE')]),
]

/** Returns the conversation of the request with this index. */
const conversationOf = (at: number): readonly Turn[] | undefined => emulator.conversations[at]

for (const stream of [false, true])
  test(`a tool loop hands every block back in order, with its signature ${stream ? 'with' : 'without'} streaming`, async () => {
    await startRig([first, second, third])
    expect(await ask({ model: 'messages/claude-example:tools', stream })).toContain('late.')
    expect(emulator.conversations).toHaveLength(3)
    expect<unknown>(conversationOf(1)).toEqual([userTurn('How late is it?'), ...rounds.slice(0, 2)])
    expect<unknown>(conversationOf(2)).toEqual([userTurn('How late is it?'), ...rounds])
  })

test('the chat server stores every block, and sends all of them in the next turn', async () => {
  await startRig([first, second, third])
  const session = { session_id: 's', model_config: { model_name: 'messages/claude-example' } }
  await askChatServer(rig.url, { ...session, content: 'How late is it?' })
  await askChatServer(rig.url, { ...session, content: 'And now?' })
  expect(emulator.conversations).toHaveLength(4)
  expect<unknown>(conversationOf(3)).toEqual([
    userTurn('How late is it?'),
    ...rounds,
    turnOf('assistant', third),
    userTurn('And now?'),
  ])
})

const tools = [{ type: 'function', function: { name: 'builtin__current_time' } }]
const calls = [
  {
    id: 'toolu_01EXAMPLE',
    type: 'function',
    function: { name: 'builtin__current_time', arguments: '{"timezone":"UTC"}' },
  },
]
const usage = {
  prompt_tokens: 112,
  completion_tokens: 7,
  total_tokens: 119,
  prompt_tokens_details: { cached_tokens: 100 },
}

test('an OpenAI client gets the reasoning, the text, the tool call, the finish and the usage', async () => {
  await startRig([first])
  const { choices, usage: counted } = JSON.parse(await ask({ model: 'messages/claude-example', tools }))
  expect(choices).toMatchObject([
    {
      index: 0,
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: 'I look at the clock.Then I answer.',
        reasoning_content: 'A clock is needed.What comes next is clear.',
        tool_calls: calls,
      },
    },
  ])
  expect(counted).toMatchObject(usage)
})

test('an OpenAI client that streams gets the same', async () => {
  await startRig([first])
  const stream = { stream: true, stream_options: { include_usage: true } }
  const text = await ask({ model: 'messages/claude-example', tools, ...stream })
  const chunks = text.split('\n\n').flatMap((event) => (/^data: \{/.test(event) ? [JSON.parse(event.slice(6))] : []))
  const choices = chunks.flatMap((chunk) => chunk.choices)
  const joined = (name: string) => choices.map(({ delta }) => delta[name] ?? '').join('')
  expect(joined('content')).toBe('I look at the clock.Then I answer.')
  expect(joined('reasoning_content')).toBe('A clock is needed.What comes next is clear.')
  const pieces = choices.flatMap(({ delta }) => delta.tool_calls ?? [])
  expect(pieces[0]).toMatchObject({ index: 0, id: 'toolu_01EXAMPLE', function: { name: 'builtin__current_time' } })
  expect(pieces.map((piece) => piece.function.arguments ?? '').join('')).toBe('{"timezone":"UTC"}')
  expect(choices.flatMap(({ finish_reason }) => finish_reason ?? [])).toEqual(['tool_calls'])
  expect(chunks.at(-1)?.usage).toMatchObject(usage)
})

test('reasoning that an OpenAI client sends back is left out, because its signature is lost', async () => {
  await startRig([third])
  const content = 'I look at the clock.Then I answer.'
  await ask({
    model: 'messages/claude-example',
    messages: [
      { role: 'user', content: 'How late is it?' },
      { role: 'assistant', content, reasoning_content: 'A clock is needed.', tool_calls: calls },
      { role: 'tool', tool_call_id: 'toolu_01EXAMPLE', content: '12:00' },
    ],
  })
  expect<unknown>(conversationOf(0)).toEqual([
    userTurn('How late is it?'),
    turnOf('assistant', [{ type: 'text', text: content }, call('toolu_01EXAMPLE', { timezone: 'UTC' })]),
    turnOf('user', [result('toolu_01EXAMPLE')]),
  ])
})

/** Returns the log line of the finished call. */
const lineOfCall = () => rig.lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'chat')

for (const [blocks, lost] of [
  [first, ['reasoning.signature', 'order']],
  [second, ['reasoning.redacted', 'reasoning.signature']],
  [[{ type: 'text', text: 'It is late.' }], undefined],
] satisfies [readonly Block[], readonly string[] | undefined][])
  for (const stream of [false, true])
    test(`the receipt of ${blocks.length} blocks names the parts that OpenAI's dialect cannot express ${stream ? 'with' : 'without'} streaming`, async () => {
      await startRig([blocks])
      const answer = await answerTo({ model: 'messages/claude-example', tools, stream })
      await answer.text()
      // the head of a stream is sent before its end is known
      expect(answer.headers.get('x-tributary-lost')).toBe(stream ? null : (lost?.join(', ') ?? null))
      expect(lineOfCall().lost).toEqual(lost)
    })

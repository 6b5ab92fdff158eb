/**
 * Law 6 between unequal dialects: what both can say survives. An upstream of Anthropic's shape is asked by the whole program:
 * what its model thought, said and called goes back to it block by block, in order, with its signatures.
 */
import { afterEach, expect, test } from 'bun:test'
import type { Config } from '../../src/config/config.ts'
import { tell } from '../chaos/chat-server-client.ts'
import { type ChatServerRig, startChatServer } from '../chaos/chat-server-rig.ts'
import { type Block, emulateMessages, type MessagesEmulator, type Turn } from './messages-upstream.ts'

const call = (id: string, input: object): Block => ({ type: 'tool_use', id, name: 'builtin__current_time', input })

/** Thought, text, call, thought, text; then thoughts that only the service can read, and two calls; then an answer. */
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

const said = (role: string, content: readonly object[]) => ({ role, content })
const asked = (text: string) => said('user', [{ type: 'text', text }])
const failed = { type: 'tool_result', tool_use_id: 'toolu_02EXAMPLE', content: expect.anything(), is_error: true }
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: expect.anything() })

/** Both rounds of tools, as the third request tells them. */
const rounds = [
  said('assistant', first),
  said('user', [result('toolu_01EXAMPLE')]),
  said('assistant', second),
  said('user', [failed, result('toolu_03EXAMPLE')]),
]

/** The conversation of the n-th request. */
const told = (at: number): readonly Turn[] | undefined => emulator.conversations[at]

for (const stream of [false, true])
  test(`a tool loop hands every block back in order, with its signature, ${stream ? 'streamed' : 'whole'}`, async () => {
    await startRig([first, second, third])
    expect(await ask({ model: 'messages/claude-example:tools', stream })).toContain('late.')
    expect(emulator.conversations).toHaveLength(3)
    expect<unknown>(told(1)).toEqual([asked('How late is it?'), ...rounds.slice(0, 2)])
    expect<unknown>(told(2)).toEqual([asked('How late is it?'), ...rounds])
  })

test('the chat server stores every block, and tells it again in the next turn', async () => {
  await startRig([first, second, third])
  const session = { session_id: 's', model_config: { model_name: 'messages/claude-example' } }
  await tell(rig.url, { ...session, content: 'How late is it?' })
  await tell(rig.url, { ...session, content: 'And now?' })
  expect(emulator.conversations).toHaveLength(4)
  expect<unknown>(told(3)).toEqual([asked('How late is it?'), ...rounds, said('assistant', third), asked('And now?')])
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

test('an OpenAI client gets its thoughts, its texts, its call, its end and its usage', async () => {
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

test('a client that streams gets the same', async () => {
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

test('what an OpenAI client tells again of it goes back without the thoughts, which lack their signatures by then', async () => {
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
  expect<unknown>(told(0)).toEqual([
    asked('How late is it?'),
    said('assistant', [{ type: 'text', text: content }, call('toolu_01EXAMPLE', { timezone: 'UTC' })]),
    said('user', [result('toolu_01EXAMPLE')]),
  ])
})

/** The line of the call, once it is over. */
const lineOfCall = () => rig.lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'chat')

for (const [blocks, lost] of [
  [first, ['reasoning.signature', 'order']],
  [second, ['reasoning.redacted', 'reasoning.signature']],
  [[{ type: 'text', text: 'It is late.' }], undefined],
] satisfies [readonly Block[], readonly string[] | undefined][])
  for (const stream of [false, true])
    test(`the receipt of ${blocks.length} blocks names what an OpenAI client cannot be told, ${stream ? 'streamed' : 'whole'}`, async () => {
      await startRig([blocks])
      const answer = await answerTo({ model: 'messages/claude-example', tools, stream })
      await answer.text()
      // the head of a stream goes out before its end is known
      expect(answer.headers.get('x-tributary-lost')).toBe(stream ? null : (lost?.join(', ') ?? null))
      expect(lineOfCall().lost).toEqual(lost)
    })

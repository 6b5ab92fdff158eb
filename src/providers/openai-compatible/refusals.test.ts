import { afterEach, describe, expect, test } from 'bun:test'
import type { Account } from '../../accounts/account.ts'
import { anybody } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Secret } from '../../chat/secret.ts'
import { noThread } from '../../chat/thread.ts'
import { decodeRequest } from '../../dialects/openai-chat/decode-request.ts'
import { Attempts } from '../../flow/attempts.ts'
import { newReceipt } from '../../flow/call.ts'
import { events as eventsOf } from '../../flow/flow.ts'
import { openLog } from '../../telemetry/log.ts'
import type { Script } from '../../wire/emulator/script.ts'
import { machine, newCancel } from '../../wire/machine.double.ts'
import { sseData } from '../../wire/sse.ts'
import { type EmulatedChat, emulateOpenai, type OpenaiEmulator } from './emulator/index.ts'
import { openaiCompatible } from './upstream.ts'

// A server that does not take what we send beside what a client sent: the client must not pay for it.

const json = { 'content-type': 'application/json' }
const account: Account<Secret | undefined> = { label: 'KEY', credential: undefined }
const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
const open: OpenaiEmulator[] = []
afterEach(() => Promise.all(open.splice(0).map((emulator) => emulator.close())))

const refusal = (body: unknown, status = 400): Script => ({
  status,
  headers: json,
  body: [typeof body === 'string' ? body : JSON.stringify(body)],
})

/** A server that answers with `script` as long as a field is there. */
async function refusing(script: Script, isRefused = (chat: EmulatedChat) => 'stream_options' in chat) {
  const emulator = await emulateOpenai({ reply: (chat) => (isRefused(chat) ? script : undefined) })
  open.push(emulator)
  const upstream = openaiCompatible({ name: 'box', url: emulator.url, accounts: [account], manyChoices: true })
  const receipt = newReceipt()
  const ask = async (request: Partial<ChatRequest> = {}) => {
    const events: ChatEvent[] = []
    const call = {
      id: 'one',
      caller: anybody,
      hops: 0,
      signal: newCancel(),
      log,
      attempts: new Attempts(),
      receipt,
      account,
    }
    for await (const event of eventsOf(upstream.chat({ ...question, ...request }, { ...call, thread: noThread })))
      events.push(event)
    return events.map((event) => (event.type === 'text' ? event.text : '')).join('')
  }
  return { ask, chats: emulator.chats, receipt }
}

const question: ChatRequest = {
  dialect: 'openai-chat',
  model: 'gpt-test',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
  parameters: {},
  spelling: {},
  extra: {},
  stream: true,
}

const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (thrown) => (thrown instanceof ChatError ? thrown : undefined),
  )

describe('stream_options, refused', () => {
  const wordings: readonly (readonly [string, Script])[] = [
    ['as OpenAI once did', refusal({ error: { message: 'Unrecognized request argument supplied: stream_options' } })],
    ['by its param', refusal({ error: { message: 'No.', param: 'stream_options' } })],
    [
      'by the path of what is in it',
      refusal({ error: { message: "Unknown parameter: 'stream_options.include_usage'." } }),
    ],
    ['by what is in it alone', refusal({ message: 'include_usage is not supported' })],
    [
      'as pydantic does',
      refusal(
        {
          detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }],
        },
        422,
      ),
    ],
    [
      'behind another fault',
      refusal(
        {
          detail: [
            { loc: ['body'], msg: 'two faults' },
            { loc: ['body', 'stream_options'], msg: 'x' },
          ],
        },
        422,
      ),
    ],
    ['without its name', refusal({ detail: 'Extra inputs are not permitted' }, 422)],
    ['in camel case', refusal({ message: 'Unrecognized field "streamOptions" (class Chat)' })],
    ['in prose', refusal({ error: 'Stream options are not available.' })],
    ['as Go does', refusal('json: unknown field "stream_options"')],
    ['with 404', refusal({ error: { message: 'stream_options: no such thing' } }, 404)],
    ['with 500', refusal({ detail: "create() got an unexpected keyword argument 'stream_options'" }, 500)],
    [
      'inside a 200',
      { body: [sseData(JSON.stringify({ error: { code: 400, message: 'stream_options is unknown' } }))] },
    ],
    [
      'inside a 200, as JSON',
      { headers: json, body: [JSON.stringify({ error: { code: 400, message: 'Unknown field stream_options' } })] },
    ],
  ]
  for (const [how, script] of wordings)
    test(`${how} is asked for again without it, and never with it again`, async () => {
      const { ask, chats } = await refusing(script)
      expect(await ask()).toBe('You said: Hello')
      expect(chats.map((chat) => 'stream_options' in chat)).toEqual([true, false])
      expect(await ask()).toBe('You said: Hello')
      expect(chats.map((chat) => 'stream_options' in chat)).toEqual([true, false, false])
    })

  test('by a client that wished for usage too is asked for again without it: we count', async () => {
    const { ask, chats } = await refusing(refusal({ error: { message: 'stream_options is unknown' } }))
    const body = { model: 'gpt-test', messages: [{ role: 'user', content: 'Hello' }], stream: true }
    const { request } = decodeRequest({ ...body, stream_options: { include_usage: true } })
    expect(await ask(request)).toBe('You said: Hello')
    expect(chats.map((chat) => 'stream_options' in chat)).toEqual([true, false])
  })

  test("is the client's where its own are refused as well, after one request more", async () => {
    const { ask, chats } = await refusing(refusal({ error: { message: 'stream_options is unknown' } }))
    const error = await errorOf(ask({ extra: { 'openai-chat': { stream_options: { include_obfuscation: false } } } }))
    expect(error).toMatchObject({ reason: 'invalid-request', message: 'stream_options is unknown' })
    expect(chats).toHaveLength(2)
  })

  test('inside a 200 by a model behind one that took them is asked for again', async () => {
    const script = { body: [sseData(JSON.stringify({ error: { code: 400, message: 'stream_options is unknown' } }))] }
    const isRefused = (chat: EmulatedChat) => chat.model === 'vendor/gpt-slash' && 'stream_options' in chat
    const { ask } = await refusing(script, isRefused)
    expect(await ask()).toBe('You said: Hello')
    expect(await ask({ model: 'vendor/gpt-slash' })).toBe('You said: Hello')
  })

  test('with what we added to those of the client is sent as the client had them', async () => {
    const isRefused = ({ stream_options: options }: EmulatedChat) => options?.include_usage !== undefined
    const { ask, chats } = await refusing(refusal({ error: { message: 'Unknown: include_usage' } }), isRefused)
    expect(await ask({ extra: { 'openai-chat': { stream_options: { include_obfuscation: false } } } })).toBe(
      'You said: Hello',
    )
    expect(chats[1]?.stream_options).toEqual({ include_obfuscation: false })
  })
})

describe('a refusal of anything else', () => {
  test("that names what the client sent is the client's", async () => {
    const { ask, chats } = await refusing(refusal({ error: { message: "Unknown parameter: 'top_k'." } }))
    expect(await errorOf(ask({ extra: { 'openai-chat': { top_k: 4 } } }))).toMatchObject({
      message: "Unknown parameter: 'top_k'.",
    })
    expect(chats).toHaveLength(1)
  })

  for (const [what, script] of [
    ['of a prompt', refusal({ error: { message: 'The prompt is too long.', code: 'context_length_exceeded' } })],
    ['of a key', refusal({ error: { message: 'stream_options needs another plan' } }, 401)],
    ['of a model', refusal({ error: { message: 'No such model.' } }, 404)],
    ['by a limit', refusal({ error: { message: 'stream_options: slow down' } }, 429)],
  ] as const)
    test(`${what} is not asked about twice`, async () => {
      const { ask, chats } = await refusing(script)
      expect(await errorOf(ask())).toBeInstanceOf(ChatError)
      expect(chats).toHaveLength(1)
    })

  test('that stays the same without the field is told, and the field is sent again', async () => {
    const { ask, chats } = await refusing(refusal({ error: { message: 'stream_options?' } }), () => true)
    expect(await errorOf(ask())).toMatchObject({ message: 'stream_options?' })
    expect(await errorOf(ask())).toMatchObject({ message: 'stream_options?' })
    expect(chats.map((chat) => 'stream_options' in chat)).toEqual([true, false, true, false])
  })
})

describe('a limit of the answer', () => {
  const limited = { parameters: { maxTokens: 9 }, dialect: 'another' }

  test('under the newer of its names, which the client did not send, is sent under the older', async () => {
    const isRefused = (chat: EmulatedChat) => 'max_completion_tokens' in chat
    const script = refusal({ error: { message: "Unsupported parameter: 'max_completion_tokens'" } })
    const { ask, chats, receipt } = await refusing(script, isRefused)
    receipt.parameters.set('limit', 'honoured')
    expect(await ask({ ...limited, spelling: { maxTokens: 'limit' } })).toBe('You said: Hello')
    expect(chats[1]).toMatchObject({ max_tokens: 9 })
    expect(receipt.parameters.get('limit')).toBe('mapped')
    await ask({ ...limited, spelling: { maxTokens: 'limit' } })
    expect(chats).toHaveLength(3)
  })

  test('that neither name has is left out, where no client asked for it: a panel did', async () => {
    const isRefused = (chat: EmulatedChat) => 'max_completion_tokens' in chat || 'max_tokens' in chat
    const { ask, chats } = await refusing(
      refusal({ error: { message: 'max_completion_tokens and max_tokens are unknown' } }),
      isRefused,
    )
    expect(await ask(limited)).toBe('You said: Hello')
    expect(chats).toHaveLength(3)
  })

  test("that the client sent under this name is the client's", async () => {
    const { ask, chats } = await refusing(refusal({ error: { message: "'max_tokens' is not supported" } }), () => true)
    expect(await errorOf(ask({ parameters: { maxTokens: 9 }, spelling: { maxTokens: 'max_tokens' } }))).toBeDefined()
    expect(chats).toHaveLength(1)
  })
})

test('what a panel asks of its members is left out where a model refuses it', async () => {
  const script = refusal({
    error: { message: "Unsupported value: 'temperature' does not support 0.5 with this model." },
  })
  const { ask, chats } = await refusing(script, (chat) => 'temperature' in chat)
  expect(await ask({ parameters: { temperature: 0.5 } })).toBe('You said: Hello')
  expect(chats.map((chat) => 'temperature' in chat)).toEqual([true, false])
})

test('tools that the gateway offers are never left out without a word', async () => {
  const { ask, chats } = await refusing(refusal({ error: { message: 'tools are not supported' } }), () => true)
  expect(await errorOf(ask({ parameters: { tools: [{ type: 'function', name: 'f' }] } }))).toBeDefined()
  expect(chats).toHaveLength(1)
})

test('a stream that only we wanted is given up where it is refused', async () => {
  const script = refusal({ error: { message: "Unsupported value: 'stream' does not support true with this model." } })
  const { ask, chats } = await refusing(script, (chat) => chat.stream === true)
  expect(await ask({ dialect: 'another', stream: false })).toBe('You said: Hello')
  expect(chats.at(-1)).not.toHaveProperty('stream')
})

describe('images that tools gave', () => {
  const image = { type: 'image', url: 'data:image/png;base64,AAAA', notice: '[image 1 is not shown]' } as const
  const messages: ChatRequest['messages'] = [
    { role: 'user', content: [{ type: 'text', text: 'Look.' }] },
    { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: 'f', arguments: '{}' }] },
    { role: 'tool', toolCallId: 'a', content: [{ type: 'text', text: 'see' }, image] },
  ]
  const seesImages = (chat: Readonly<Record<string, unknown>>) => JSON.stringify(chat.messages).includes('image_url')
  const wordings = [
    'unknown variant `image_url`, expected `text`',
    'This model does not support image input.',
    'No endpoints found that support vision',
    'The model is not a multimodal model.',
  ]
  for (const message of wordings)
    test(`are words to a model that refuses them: ${message}`, async () => {
      const { ask, chats } = await refusing(refusal({ error: { message } }), seesImages)
      expect(await ask({ messages })).toStartWith('You said')
      expect(chats.map(seesImages)).toEqual([true, false])
      expect(JSON.stringify(chats[1]?.messages)).toContain('[image 1 is not shown]')
      await ask({ messages })
      // it is known by now
      expect(chats.map(seesImages)).toEqual([true, false, false])
      await errorOf(ask({ messages, model: 'another' }))
      expect(chats.map(seesImages)).toEqual([true, false, false, true, false])
    })

  test('of which one is too large are shown again the next time', async () => {
    const { ask, chats } = await refusing(refusal({ error: { message: 'The image is too large.' } }), seesImages)
    for (let times = 0; times < 2; times++) expect(await ask({ messages })).toStartWith('You said')
    expect(chats.map(seesImages)).toEqual([true, false, true, false])
  })

  test('do not hide what else is refused', async () => {
    const { ask, chats } = await refusing(refusal({ error: { message: 'The prompt is too long.' } }), seesImages)
    expect(await errorOf(ask({ messages }))).toMatchObject({ message: 'The prompt is too long.' })
    expect(chats).toHaveLength(1)
  })
})

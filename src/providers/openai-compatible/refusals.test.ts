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

// A server may refuse a field that we added to a client's request. The client must still get its answer.

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

/** Starts a server that answers with `script` each request for which `isRefused` is true. */
async function startRefusing(script: Script, isRefused = (chat: EmulatedChat) => 'stream_options' in chat) {
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
    [
      'in OpenAI’s earlier wording',
      refusal({ error: { message: 'Unrecognized request argument supplied: stream_options' } }),
    ],
    ['by its param', refusal({ error: { message: 'No.', param: 'stream_options' } })],
    [
      'by the path of its member',
      refusal({ error: { message: "Unknown parameter: 'stream_options.include_usage'." } }),
    ],
    ['by its member alone', refusal({ message: 'include_usage is not supported' })],
    [
      'in pydantic’s wording',
      refusal(
        {
          detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }],
        },
        422,
      ),
    ],
    [
      'after another fault',
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
    ['in Go’s wording', refusal('json: unknown field "stream_options"')],
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
    test(`${how} causes a second request without it, and later requests leave it out`, async () => {
      const { ask, chats } = await startRefusing(script)
      expect(await ask()).toBe('You said: Hello')
      expect(chats.map((chat) => 'stream_options' in chat)).toEqual([true, false])
      expect(await ask()).toBe('You said: Hello')
      expect(chats.map((chat) => 'stream_options' in chat)).toEqual([true, false, false])
    })

  test('although the client asked for usage causes a second request without it, and we count the usage', async () => {
    const { ask, chats } = await startRefusing(refusal({ error: { message: 'stream_options is unknown' } }))
    const body = { model: 'gpt-test', messages: [{ role: 'user', content: 'Hello' }], stream: true }
    const { request } = decodeRequest({ ...body, stream_options: { include_usage: true } })
    expect(await ask(request)).toBe('You said: Hello')
    expect(chats.map((chat) => 'stream_options' in chat)).toEqual([true, false])
  })

  test("is the client's error if the client's own options are refused too, after one more request", async () => {
    const { ask, chats } = await startRefusing(refusal({ error: { message: 'stream_options is unknown' } }))
    const error = await errorOf(ask({ extra: { 'openai-chat': { stream_options: { include_obfuscation: false } } } }))
    expect(error).toMatchObject({ reason: 'invalid-request', message: 'stream_options is unknown' })
    expect(chats).toHaveLength(2)
  })

  test('inside a 200 by a second model causes a second request too', async () => {
    const script = { body: [sseData(JSON.stringify({ error: { code: 400, message: 'stream_options is unknown' } }))] }
    const isRefused = (chat: EmulatedChat) => chat.model === 'vendor/gpt-slash' && 'stream_options' in chat
    const { ask } = await startRefusing(script, isRefused)
    expect(await ask()).toBe('You said: Hello')
    expect(await ask({ model: 'vendor/gpt-slash' })).toBe('You said: Hello')
  })

  test('beside the client’s options are removed, and the client’s options stay', async () => {
    const isRefused = ({ stream_options: options }: EmulatedChat) => options?.include_usage !== undefined
    const { ask, chats } = await startRefusing(refusal({ error: { message: 'Unknown: include_usage' } }), isRefused)
    expect(await ask({ extra: { 'openai-chat': { stream_options: { include_obfuscation: false } } } })).toBe(
      'You said: Hello',
    )
    expect(chats[1]?.stream_options).toEqual({ include_obfuscation: false })
  })
})

describe('a refusal of something else', () => {
  test("that names a field of the client is the client's error", async () => {
    const { ask, chats } = await startRefusing(refusal({ error: { message: "Unknown parameter: 'top_k'." } }))
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
    test(`${what} causes no second request`, async () => {
      const { ask, chats } = await startRefusing(script)
      expect(await errorOf(ask())).toBeInstanceOf(ChatError)
      expect(chats).toHaveLength(1)
    })

  test('that is repeated without the field is reported, and the next request has the field again', async () => {
    const { ask, chats } = await startRefusing(refusal({ error: { message: 'stream_options?' } }), () => true)
    expect(await errorOf(ask())).toMatchObject({ message: 'stream_options?' })
    expect(await errorOf(ask())).toMatchObject({ message: 'stream_options?' })
    expect(chats.map((chat) => 'stream_options' in chat)).toEqual([true, false, true, false])
  })
})

describe('a token limit', () => {
  const limited = { parameters: { maxTokens: 9 }, dialect: 'another' }

  test('that is refused under the newer name, which the client did not use, is sent under the older name', async () => {
    const isRefused = (chat: EmulatedChat) => 'max_completion_tokens' in chat
    const script = refusal({ error: { message: "Unsupported parameter: 'max_completion_tokens'" } })
    const { ask, chats, receipt } = await startRefusing(script, isRefused)
    receipt.parameters.set('limit', 'honoured')
    expect(await ask({ ...limited, spelling: { maxTokens: 'limit' } })).toBe('You said: Hello')
    expect(chats[1]).toMatchObject({ max_tokens: 9 })
    expect(receipt.parameters.get('limit')).toBe('mapped')
    await ask({ ...limited, spelling: { maxTokens: 'limit' } })
    expect(chats).toHaveLength(3)
  })

  test('that is refused under both names is left out if it came from a panel', async () => {
    const isRefused = (chat: EmulatedChat) => 'max_completion_tokens' in chat || 'max_tokens' in chat
    const { ask, chats } = await startRefusing(
      refusal({ error: { message: 'max_completion_tokens and max_tokens are unknown' } }),
      isRefused,
    )
    expect(await ask(limited)).toBe('You said: Hello')
    expect(chats).toHaveLength(3)
  })

  test("that the client sent under this name causes the client's error", async () => {
    const { ask, chats } = await startRefusing(
      refusal({ error: { message: "'max_tokens' is not supported" } }),
      () => true,
    )
    expect(await errorOf(ask({ parameters: { maxTokens: 9 }, spelling: { maxTokens: 'max_tokens' } }))).toBeDefined()
    expect(chats).toHaveLength(1)
  })
})

test('a parameter that a panel added is left out if a model refuses it', async () => {
  const script = refusal({
    error: { message: "Unsupported value: 'temperature' does not support 0.5 with this model." },
  })
  const { ask, chats } = await startRefusing(script, (chat) => 'temperature' in chat)
  expect(await ask({ parameters: { temperature: 0.5 } })).toBe('You said: Hello')
  expect(chats.map((chat) => 'temperature' in chat)).toEqual([true, false])
})

test('tools that the gateway offers are never left out silently', async () => {
  const { ask, chats } = await startRefusing(refusal({ error: { message: 'tools are not supported' } }), () => true)
  expect(await errorOf(ask({ parameters: { tools: [{ type: 'function', name: 'f' }] } }))).toBeDefined()
  expect(chats).toHaveLength(1)
})

test('the field stream is left out if only the gateway added it and it is refused', async () => {
  const script = refusal({ error: { message: "Unsupported value: 'stream' does not support true with this model." } })
  const { ask, chats } = await startRefusing(script, (chat) => chat.stream === true)
  expect(await ask({ dialect: 'another', stream: false })).toBe('You said: Hello')
  expect(chats.at(-1)).not.toHaveProperty('stream')
})

describe('images from tools', () => {
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
    test(`are replaced by their notices for a model that refuses them: ${message}`, async () => {
      const { ask, chats } = await startRefusing(refusal({ error: { message } }), seesImages)
      expect(await ask({ messages })).toStartWith('You said')
      expect(chats.map(seesImages)).toEqual([true, false])
      expect(JSON.stringify(chats[1]?.messages)).toContain('[image 1 is not shown]')
      await ask({ messages })
      // the refusal is remembered now
      expect(chats.map(seesImages)).toEqual([true, false, false])
      await errorOf(ask({ messages, model: 'another' }))
      expect(chats.map(seesImages)).toEqual([true, false, false, true, false])
    })

  test('are sent again next time if one was too large', async () => {
    const { ask, chats } = await startRefusing(refusal({ error: { message: 'The image is too large.' } }), seesImages)
    for (let times = 0; times < 2; times++) expect(await ask({ messages })).toStartWith('You said')
    expect(chats.map(seesImages)).toEqual([true, false, true, false])
  })

  test('do not hide other refusals', async () => {
    const { ask, chats } = await startRefusing(refusal({ error: { message: 'The prompt is too long.' } }), seesImages)
    expect(await errorOf(ask({ messages }))).toMatchObject({ message: 'The prompt is too long.' })
    expect(chats).toHaveLength(1)
  })
})

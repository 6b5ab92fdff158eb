import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { events, flowOf } from '../../flow/flow.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { openReply } from '../open-reply.ts'
import { completionReader } from './read-reply.ts'

function reply(text: string, type = 'text/event-stream'): HttpReply {
  async function* body() {
    yield new TextEncoder().encode(text)
  }
  return {
    status: 200,
    headers: new Headers({ 'content-type': type }),
    body: body(),
    bytes: () => Promise.resolve(new TextEncoder().encode(text)),
    text: () => Promise.resolve(text),
    receivedAt: 0,
    limitIdle: () => undefined,
    discard: () => undefined,
  }
}

async function read(sent: HttpReply, stream = true): Promise<ChatEvent[]> {
  const open = (signal: Cancel) =>
    openReply(completionReader, sent, { stream, signal, choices: 1, newId: () => 'made' })
  return Array.fromAsync(events(flowOf(open, newCancel())))
}

async function failure(sent: HttpReply, stream = true): Promise<ChatError> {
  const thrown = await read(sent, stream).catch((error: unknown) => error)
  if (thrown instanceof ChatError) return thrown
  throw new Error('it did not fail')
}

function sse(...chunks: readonly unknown[]): string {
  return chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`).join('')
}

const tea = { choices: [{ index: 0, delta: { content: 'Tea' }, finish_reason: null }] }
const stop = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
const longText = 'Слово "tea" '.repeat(150_000)
const whole = JSON.stringify({
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: longText }, finish_reason: 'stop' }],
})
const longEvent = { choices: [{ index: 0, delta: { content: longText }, finish_reason: null }] }

/** Replies of more than a megabyte, and whether the request was for a stream. */
const longReplies: Readonly<Record<string, readonly [HttpReply, boolean]>> = {
  'a whole completion': [sized(reply(whole, 'application/json')), false],
  'a whole completion without a length': [reply(whole, 'application/json'), false],
  'a whole completion in place of a stream': [reply(whole), true],
  'a whole completion in an event': [reply(sse(whole)), true],
  'a long event': [reply(sse(tea, longEvent, stop, '[DONE]')), true],
  'a long event in place of a whole completion': [sized(reply(sse(longEvent, stop, '[DONE]'))), false],
  'a long event without its end of line': [reply(`data: ${whole}`), true],
  'a long event that is framed twice': [reply(sse(`data: ${JSON.stringify(longEvent)}`, stop, '[DONE]')), true],
}

function sized(sent: HttpReply): HttpReply {
  return { ...sent, headers: new Headers([...sent.headers, ['content-length', '1']]) }
}

describe('a long reply is read like a short one', () => {
  for (const [name, [sent, stream]] of Object.entries(longReplies))
    test(name, async () => {
      const events = await read(sent, stream)
      const said = events.map((event) => (event.type === 'text' ? event.text : '')).join('')
      expect(said.replace(/^Tea/, '') === longText).toBe(true)
      expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'stop' })
    })

  test('a long bad reply is refused like a short one', async () => {
    const cut = sse(longEvent).slice(0, -200)
    expect((await failure(reply(cut))).code).toBe('upstream_bad_response')
    const crowded = whole.replace(/}$/, `,"x":[${'[],'.repeat(600_000)}[]]}`)
    expect((await failure(sized(reply(crowded)), false)).code).toBe('upstream_response_too_large')
    expect((await failure(reply(`data: ${crowded}\n\n`))).code).toBe('upstream_response_too_large')
  })
})

const brokenOff = 'The upstream broke off its answer.'

function ending(finish_reason: string) {
  return { choices: [{ index: 0, delta: { content: '.' }, finish_reason }] }
}

/** The reply, the reason of the error, and a part of its message. */
const failures: Readonly<Record<string, readonly [string, string, string]>> = {
  'an error object': [sse(tea, { error: { message: 'Gone wrong', code: 500 } }), 'upstream-failed', 'Gone wrong'],
  'an error that is a text': [sse(tea, { error: 'Gone wrong' }), 'upstream-failed', 'Gone wrong'],
  'an error with the status of a limit (vLLM)': [
    sse({ error: { message: 'Slow down', type: 'RateLimit', code: 429 } }),
    'rate-limited',
    'Slow down',
  ],
  'an error next to a choice (OpenRouter)': [
    sse(tea, {
      error: { code: 502, message: 'Gone wrong' },
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
    }),
    'upstream-failed',
    'Gone wrong',
  ],
  'an error within a choice (OpenRouter)': [
    sse(tea, {
      choices: [{ index: 0, delta: {}, finish_reason: 'error', error: { code: 503, message: 'Gone wrong' } }],
    }),
    'overloaded',
    'Gone wrong',
  ],
  'an object named error (older vLLM)': [
    sse({ object: 'error', message: 'Too long', type: 'BadRequestError', code: 400 }),
    'invalid-request',
    'Too long',
  ],
  'an error in a list (Gemini)': [
    sse([{ error: { code: 429, message: 'Slow down', status: 'RESOURCE_EXHAUSTED' } }]),
    'rate-limited',
    'Slow down',
  ],
  'an event named error (Groq)': [
    `${sse(tea)}event: error\n${sse({ error: { message: 'Gone wrong', code: 503 } })}`,
    'overloaded',
    'Gone wrong',
  ],
  'an event named error without an object': [`event: error\n${sse('"Gone wrong"')}`, 'upstream-failed', 'Gone wrong'],
  'an early end, with its cause (Groq)': [
    sse(tea, { ...stop, x_groq: { error: 'Gone wrong' } }),
    'upstream-failed',
    'Gone wrong',
  ],
  'a finish that is an error': [sse(tea, ending('error'), '[DONE]'), 'upstream-failed', 'broke off'],
  'a finish because of missing resources (DeepSeek)': [
    sse(tea, ending('insufficient_system_resource'), '[DONE]'),
    'overloaded',
    'broke off',
  ],
  'a finish by abort (vLLM)': [sse(tea, ending('abort'), '[DONE]'), 'upstream-failed', 'broke off'],
  'a cut': [sse(tea), 'upstream-failed', brokenOff],
  'a stream without events': [sse('[DONE]'), 'upstream-failed', 'without an answer'],
  'an end without an answer': [sse(stop, '[DONE]'), 'upstream-failed', 'without an answer'],
  'an answer without tokens': [
    sse(stop, { choices: [], usage: { prompt_tokens: 1, completion_tokens: 0 } }, '[DONE]'),
    'upstream-failed',
    'without an answer',
  ],
  'usage without an answer': [
    sse({ choices: [], usage: { completion_tokens: 5 } }, '[DONE]'),
    'upstream-failed',
    'without',
  ],
  'invalid JSON': [sse('{"a":'), 'upstream-failed', 'not JSON'],
  'an invalid chunk': [sse([[]]), 'upstream-failed', 'unknown shape'],
  'invalid choices': [sse({ choices: 5 }), 'upstream-failed', 'unknown shape'],
}

describe('every form of failed stream throws', () => {
  for (const [name, [text, reason, message]] of Object.entries(failures))
    test(name, async () => {
      const error = await failure(reply(text))
      expect<string>(error.reason).toBe(reason)
      expect(error.message).toContain(message)
    })
})

const texts = (events: readonly ChatEvent[]) =>
  events.flatMap((event) => (event.type === 'text' ? event.text : event.type === 'part-end' ? [] : event.type))

describe('a good stream', () => {
  test('comments between events are ignored (OpenRouter)', async () => {
    const text = `: OPENROUTER PROCESSING\n\n${sse(tea)}: OPENROUTER PROCESSING\n\n${sse(stop, '[DONE]')}`
    expect(texts(await read(reply(text)))).toEqual(['Tea', 'finish'])
  })

  test("an event of a vendor's own type is ignored", async () => {
    expect(texts(await read(reply(sse(tea, { type: 'ping' }, stop, '[DONE]'))))).toEqual(['Tea', 'finish'])
  })

  test('bytes after the end are not read', async () => {
    expect(texts(await read(reply(sse(tea, stop, '[DONE]', 'rubbish'))))).toEqual(['Tea', 'finish'])
  })

  test('invalid data after the last finish does not spoil the answer', async () => {
    expect(texts(await read(reply(sse(tea, stop, 'rubbish'))))).toEqual(['Tea', 'finish'])
  })

  test('an answer may be empty if the upstream counted tokens for it', async () => {
    const counted = { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }
    expect(texts(await read(reply(sse(stop, counted, '[DONE]'))))).toEqual(['finish', 'usage'])
  })

  test('a finish in the same chunk as content is sent although no chunk follows', async () => {
    expect(texts(await read(reply(sse(tea, ending('length')))))).toEqual(['Tea', '.', 'finish'])
  })

  test('an empty finish reason is not an end, and is relayed as null', async () => {
    const [said, ...rest] = await read(reply(sse(ending(''), stop, '[DONE]')))
    expect(texts([...(said ? [said] : []), ...rest])).toEqual(['.', 'finish'])
    expect(said?.native?.value).toMatchObject({ choices: [{ delta: { content: '.' }, finish_reason: null }] })
  })

  test('a whole completion may come in place of a stream, and a stream in place of a whole completion', async () => {
    const whole = JSON.stringify({ choices: [{ message: { content: 'Tea' }, finish_reason: 'stop' }] })
    expect(texts(await read(reply(whole, 'application/json')))).toEqual(['Tea', 'finish'])
    expect(texts(await read(reply(sse(tea, stop, '[DONE]')), false))).toEqual(['Tea', 'finish'])
  })

  test('unimportant members of a wrong type are ignored', async () => {
    const odd = {
      created: 'now',
      object: 5,
      usage: 'none',
      x_groq: 5,
      choices: [
        {
          index: 0,
          delta: { content: 'Tea', refusal: false, reasoning_content: {}, annotations: 5 },
          finish_reason: null,
        },
      ],
    }
    expect(texts(await read(reply(sse(odd, stop, '[DONE]'))))).toEqual(['Tea', 'finish'])
  })
})

for (const [name, body] of Object.entries({
  error: '{"error":{"message":"No","code":400}}',
  empty: '{"choices":[]}',
  list: '[]',
  nothing: '',
}))
  test(`an invalid whole reply fails: ${name}`, async () => {
    expect((await failure(reply(body, 'application/json'), false)).reason).toBe(
      name === 'error' ? 'invalid-request' : 'upstream-failed',
    )
  })

/** Content after an early finish reason reaches every kind of client, with the whole program. */
import { afterAll, describe, expect, test } from 'bun:test'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { sseData } from '../src/wire/sse.ts'
import { ask } from './chaos/client.ts'
import { startGateway, upstreamAt } from './chaos/gateway.ts'

const chunk = (delta: object, finish_reason: unknown = null) =>
  sseData(JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] }))
const done = sseData('[DONE]')
const json = { 'content-type': 'application/json' }

const goesOn = [
  chunk({ role: 'assistant' }, 'stop'),
  chunk({ content: 'he' }),
  chunk({ content: '' }, 'stop'),
  chunk({ content: 'llo' }),
  done,
]
const call = { index: 0, id: 'a', type: 'function', function: { name: 'clock', arguments: '{}' } }
const whole = (message: unknown, more: object = {}) =>
  JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }], ...more })
const nothing = [chunk({ role: 'assistant' }), chunk({}, 'MALFORMED_FUNCTION_CALL'), done]
const hello = [chunk({ role: 'assistant', content: 'hello' }), chunk({}, 'stop'), done]

const emulator = await emulateOpenai()
const gateway = startGateway({
  ...upstreamAt('odd', emulator.url),
  ROUTES: 'pair = odd/odd + odd/odd',
})
afterAll(() => Promise.all([gateway.close(), emulator.close()]))

/** Asks once. The upstream answers with these scripts in turn. */
async function answered(stream: boolean, ...scripts: readonly Script[]) {
  emulator.script(...scripts)
  const before = emulator.chats.length
  const answer = await ask(gateway.url, { model: 'odd/odd', stream })
  const finishes = answer.chunks.flatMap(
    ({ choices }) => choices?.flatMap(({ finish_reason }) => finish_reason ?? []) ?? [],
  )
  return { ...answer, finishes, asked: emulator.chats.length - before }
}

describe('a finish reason before the end of the answer', () => {
  for (const stream of [true, false])
    test(`does not cut the answer ${stream ? 'with' : 'without'} streaming`, async () => {
      const { text, finishes, errors } = await answered(stream, { body: goesOn })
      expect({ text, finishes, errors }).toEqual({ text: 'hello', finishes: ['stop'], errors: [] })
    })

  test('becomes tool_calls if calls follow it', async () => {
    const body = [chunk({ role: 'assistant', content: '' }), chunk({}, 'stop'), chunk({ tool_calls: [call] }), done]
    const { finishes, body: sent } = await answered(true, { body })
    expect(finishes).toEqual(['tool_calls'])
    expect(sent).toContain('"clock"')
  })

  test('does not end the answer after two seconds of silence if content has followed it', async () => {
    const pause = async function* () {
      yield* goesOn.slice(0, 1)
      // so that it is read separately
      await Bun.sleep(300)
      yield* goesOn.slice(1, 2)
      await Bun.sleep(2_400)
      yield* goesOn.slice(2)
    }
    const { text, errors } = await answered(true, { body: pause() })
    expect({ text, errors }).toEqual({ text: 'hello', errors: [] })
  })

  test('does not cut an answer of the chat server', async () => {
    emulator.script({ body: goesOn })
    const response = await fetch(`${gateway.url}/api/chat/stream`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ session_id: 's', content: 'Hello', model_config: { model: 'odd/odd', use_tools: false } }),
    })
    const events = await response.text()
    expect(events).toContain('"content":"hello"')
  })

  test('does not cut an answer in a panel', async () => {
    emulator.script({ body: goesOn }, { body: goesOn })
    const { text, errors } = await ask(gateway.url, { model: 'pair' })
    expect({ text, errors }).toEqual({ text: '--- [odd (odd)] ---\nhello\n--- [odd (odd)] ---\nhello', errors: [] })
  })

  test('does not cut an answer in the tool loop', async () => {
    const body = [
      chunk({ content: 'I look.' }),
      chunk({}, 'stop'),
      chunk({ tool_calls: [{ ...call, function: { name: 'none', arguments: '{}' } }] }),
      done,
    ]
    emulator.script({ body }, { body: hello })
    const answer = await ask(gateway.url, { model: 'odd/odd:tools' })
    expect(answer.text).toBe('I look.\n\nhello')
  })
})

describe('an empty answer', () => {
  for (const stream of [true, false])
    test(`is requested again ${stream ? 'with' : 'without'} streaming`, async () => {
      const { text, asked, finishes } = await answered(stream, { body: nothing }, { body: hello })
      expect({ text, asked, finishes }).toEqual({ text: 'hello', asked: 2, finishes: ['stop'] })
    })
})

describe('a whole reply', () => {
  test('of an unusual shape is a good answer', async () => {
    const body = [whole({ content: [{ type: 'text', text: 'hello' }] }, { created: '1760000000.5', usage: '', id: 5 })]
    const { text, body: sent } = await answered(false, { headers: json, body })
    expect(text).toBe('hello')
    expect(JSON.parse(sent)).toMatchObject({ created: 1_760_000_000, choices: [{ message: { role: 'assistant' } }] })
  })

  for (const status of [200, 201, 202])
    test(`may come with the status ${status}`, async () => {
      const { status: told, text } = await answered(false, {
        status,
        headers: json,
        body: [whole({ content: 'hello' })],
      })
      expect({ told, text }).toEqual({ told: 200, text: 'hello' })
    })

  test('that is too large is refused, and not requested again', async () => {
    const calls = Array.from({ length: 20_000 }, () => call)
    for (const body of [`{"choices":[${'[],'.repeat(1_000_000)}[]]}`, whole({ tool_calls: calls })]) {
      const { status, errors, asked } = await answered(false, { headers: json, body: [body] })
      expect({ status, errors, asked }).toEqual({ status: 502, errors: ['upstream_response_too_large'], asked: 1 })
    }
  })
})

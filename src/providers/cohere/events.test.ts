import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { CohereDecoder } from './events.ts'

const folder = new URL('./fixtures/', import.meta.url)
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.frames.txt') ? [file.slice(0, -11)] : []))
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8')

/** Decodes the frames. It returns the events and the error at the end. */
function decode(frames: readonly { readonly event?: string; readonly data: string }[]) {
  const decoder = new CohereDecoder()
  const events: ChatEvent[] = []
  try {
    for (const frame of frames) events.push(...decoder.frame(frame))
    events.push(...decoder.end())
    return { events }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return { events, thrown: { reason: thrown.reason, code: thrown.code, message: thrown.message } }
  }
}

for (const name of names) {
  test(`reads ${name}`, () => {
    const frames = read(`${name}.frames.txt`).trimEnd().split('\n')
    expect(decode(frames.map((data) => ({ data })))).toEqual(JSON.parse(read(`${name}.events.json`)))
  })
}

test('every fixture has both its files', () => {
  expect(names.length).toBeGreaterThan(20)
  expect(readdirSync(folder)).toHaveLength(names.length * 2)
})

test('an event with the type error is an error, even if it has content', () => {
  const failed = { reason: 'upstream-failed' as const, code: 'upstream_error' }
  expect(decode([{ event: 'error', data: '{"type":"x","message":"No."}' }]).thrown).toMatchObject(failed)
  expect(decode([{ event: 'error', data: '{}' }]).thrown).toMatchObject(failed)
})

const started = { type: 'message-start', delta: { message: { role: 'assistant' } } }
const content = { type: 'content-delta', index: 0, delta: { message: { content: { text: 'Tea' } } } }
const ended = { type: 'message-end', delta: { finish_reason: 'COMPLETE' } }
const textOf = (...frames: readonly object[]) => {
  const { events, thrown } = decode(frames.map((frame) => ({ data: JSON.stringify(frame) })))
  const shown = events.filter(({ type }) => type !== 'part-end')
  return thrown?.code ?? shown.map((event) => ('text' in event ? event.text : `<${event.type}>`)).join('')
}

for (const odd of [null, '', 'odd', 7, -1, 1.5, true, {}, [], ['odd'], [null]])
  test(`a member that is ${JSON.stringify(odd)} does not spoil a good answer`, () => {
    const { message } = content.delta
    const oddMessage = { ...message, tool_plan: odd, tool_calls: odd, citations: odd }
    expect(textOf(started, { ...content, index: odd }, ended)).toBe('Tea<finish>')
    expect(textOf(started, { ...content, delta: { message: oddMessage, usage: odd, error: odd } }, ended)).toBe(
      'Tea<finish>',
    )
    expect(textOf(started, content, { type: 'content-delta', delta: odd }, ended)).toBe('Tea<finish>')
    expect(textOf(started, content, { type: 'message-end', delta: { finish_reason: 'COMPLETE', usage: odd } })).toMatch(
      /^Tea<finish>/,
    )
  })

test('content may be a text, or a list with one part', () => {
  for (const content of ['Tea', [{ type: 'text', text: 'Tea' }]])
    expect(textOf(started, { type: 'content-delta', delta: { message: { content } } }, ended)).toBe('Tea<finish>')
})

test('a call may come in a list, with its arguments as an object, and may stay open', () => {
  const call = { id: 'a', function: { name: 'f', arguments: { a: 1 } } }
  const start = (tool_calls: unknown) => ({ type: 'tool-call-start', index: '1', delta: { message: { tool_calls } } })
  const { events } = decode(
    [started, start([call]), start({ id: 'b', function: { name: 'g' } }), ended].map((frame) => ({
      data: JSON.stringify(frame),
    })),
  )
  expect(events).toEqual([
    { type: 'tool-call', choice: 0, part: 0, id: 'a', name: 'f' },
    { type: 'tool-arguments', choice: 0, part: 0, json: '{"a":1}' },
    { type: 'part-end', choice: 0, part: 0 },
    { type: 'tool-call', choice: 0, part: 1, id: 'b', name: 'g' },
    { type: 'tool-arguments', choice: 0, part: 1, json: '{}' },
    { type: 'part-end', choice: 0, part: 1 },
    { type: 'finish', choice: 0, reason: 'tool-calls', raw: 'COMPLETE' },
  ])
})

test('more cached tokens than input tokens are added to the input, and an invalid count is left out', () => {
  const usageOf = (usage: object) => {
    const { events } = decode(
      [started, content, { ...ended, delta: { ...ended.delta, usage } }].map((frame) => ({
        data: JSON.stringify(frame),
      })),
    )
    const last = events.at(-1)
    return last?.type === 'usage' ? last.usage : undefined
  }
  const tokens = { input_tokens: 20, output_tokens: '5' }
  expect(usageOf({ tokens, cached_tokens: 80 })).toEqual({
    inputTokens: 100,
    outputTokens: 5,
    totalTokens: 105,
    cachedInputTokens: 80,
    source: 'upstream',
  })
  expect(usageOf({ tokens: { ...tokens, input_tokens: -20 }, cached_tokens: 0.5 })).toEqual({
    outputTokens: 5,
    source: 'upstream',
  })
})

test('the finish names the stop sequence if the request had only one', () => {
  const stopped = { type: 'message-end', delta: { finish_reason: 'STOP_SEQUENCE' } }
  const finishOf = (stop?: readonly string[]) => {
    const decoder = new CohereDecoder(stop)
    const events = [started, content, stopped].flatMap((frame) => [...decoder.frame({ data: JSON.stringify(frame) })])
    return [...events, ...decoder.end()].at(-1)
  }
  const finish = { type: 'finish', choice: 0, reason: 'stop', raw: 'STOP_SEQUENCE' } as const
  expect(finishOf(['###'])).toEqual({ ...finish, stopSequence: '###' })
  expect(finishOf(['###', '---'])).toEqual(finish)
  expect(finishOf()).toEqual(finish)
})

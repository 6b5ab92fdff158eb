import { expect, test } from 'bun:test'
import { buildMessages } from './build-messages.ts'
import { decodeHistory, encodeHistory, type History } from './history.ts'

/** A session as the first edition stored it: an answer was one text, its reasoning and its calls. */
const stored = [
  '{"id":"s1","createdAt":"2026-11-01T00:00:00.000Z","updatedAt":"2026-11-01T00:01:00.000Z","messages":4,"tools":["clock"]}',
  `[{"id":"r1","model":"m","status":"completed","messages":[
    {"id":"1","createdAt":"2026-11-01T00:00:00.000Z","role":"user","status":"completed","content":"Which time is it?"},
    {"id":"2","createdAt":"2026-11-01T00:00:01.000Z","role":"assistant","status":"completed","model":"m",
      "content":"I look.","reasoning":"A clock.","reasoningExtra":{"field":"reasoning"},
      "extra":{"openai-chat":{"reasoning_details":[{"type":"reasoning.text","signature":"c2ln"}]}},
      "toolCalls":[{"id":"c1","name":"clock","arguments":"{}","extra":{"openai-chat":{"extra_content":{"google":1}}}}]},
    {"id":"3","createdAt":"2026-11-01T00:00:02.000Z","role":"tool","status":"completed","toolCallId":"c1","name":"clock",
      "content":"noon","isError":false},
    {"id":"4","createdAt":"2026-11-01T00:00:03.000Z","role":"assistant","status":"completed","model":"m","content":"Noon.",
      "metadata":{"finish_reason":"stop"},"toolCalls":[]}]}]`.replaceAll(/\n\s*/g, ''),
].join('\n')

const bounds = { maxMessages: 100, maxCharacters: 100_000 }

test('a session of the first edition is read, and a model gets all that it contains', () => {
  const history = decodeHistory(stored)
  expect(history).toMatchObject({ id: 's1', tools: ['clock'] })
  const [, called, result, answer] = buildMessages(history.turns, 'm')
  expect(called).toEqual({
    role: 'assistant',
    content: [
      { type: 'reasoning', text: 'A clock.', extra: { 'openai-chat': { field: 'reasoning' } } },
      { type: 'text', text: 'I look.' },
      {
        type: 'tool-call',
        id: 'c1',
        name: 'clock',
        arguments: '{}',
        extra: { 'openai-chat': { extra_content: { google: 1 } } },
      },
    ],
    extra: { 'openai-chat': { reasoning_details: [{ type: 'reasoning.text', signature: 'c2ln' }] } },
  })
  expect(result).toMatchObject({ role: 'tool', toolCallId: 'c1' })
  expect(answer).toEqual({ role: 'assistant', content: [{ type: 'text', text: 'Noon.' }] })
})

test('a session of the first edition is written in the current form', () => {
  const history: History = decodeHistory(stored)
  const written = encodeHistory(history, bounds)
  expect(written).not.toContain('toolCalls')
  expect(decodeHistory(written)).toEqual(history)
})

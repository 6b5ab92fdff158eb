import { expect, test } from 'bun:test'
import type { FinishReason } from '../../chat/event.ts'
import { ReplyDecoder } from './decode-reply.ts'
import { decodeFinish, encodeFinish, isDocumentedFinish, stopSequenceIn } from './finish-reason.ts'

const words = {
  stop: ['stop', 'STOP', 'eos', 'end_turn', 'COMPLETE', 'FinishReason.STOP'],
  length: ['length', 'max_tokens', 'MAX_TOKENS', 'model_length', 'max-tokens', 'FinishReason.MAX_TOKENS'],
  'tool-calls': ['tool_calls', 'function_call', 'tool-calls'],
  'content-filter': [
    'content_filter',
    'content-filter',
    'SAFETY',
    'RECITATION',
    'BLOCKLIST',
    'PROHIBITED_CONTENT',
    'SPII',
    'sensitive',
  ],
  other: ['load', 'constructor', '__proto__', 'toString', ''],
} as const satisfies Record<FinishReason, readonly string[]>

for (const [reason, spellings] of Object.entries(words))
  for (const word of spellings)
    test(`an end by "${word}" is ${reason}`, () => expect<string>(decodeFinish(word)).toBe(reason))

test('every finish is encoded as a word that typed clients know', () => {
  const reasons = ['stop', 'length', 'tool-calls', 'content-filter', 'other'] as const
  for (const reason of reasons) expect(isDocumentedFinish(encodeFinish(reason))).toBe(true)
})

test('the stop sequence is the one that the server names, if the request had it', () => {
  const asked = ['###', 'stop']
  expect(stopSequenceIn({ finish_reason: 'stop', stop_reason: '###' }, asked)).toBe('###')
  expect(stopSequenceIn({ finish_reason: 'stop', matched_stop: '###' }, asked)).toBe('###')
  for (const choice of [
    { stop_reason: 128_009 },
    { matched_stop: 2 },
    { stop_reason: 'end_turn' },
    { stop_reason: null },
    {},
  ])
    expect(stopSequenceIn(choice, asked)).toBeUndefined()
})

test('the finish of a choice has the word of its upstream and its stop sequence', () => {
  const end = (choice: object, stop?: readonly string[]) => {
    const decoder = new ReplyDecoder({ choices: 1, newId: () => 'made', ...(stop && { stop }) })
    const chunk = { choices: [{ index: 0, delta: { content: 'a' }, ...choice }] }
    return [...decoder.chunk(chunk), ...decoder.end('terminated')].findLast(({ type }) => type === 'finish')
  }
  expect(end({ finish_reason: 'stop', stop_reason: '###' }, ['###'])).toMatchObject({
    raw: 'stop',
    stopSequence: '###',
  })
  expect(end({ finish_reason: 'model_length' })).toMatchObject({ reason: 'length', raw: 'model_length' })
  expect(end({})).not.toHaveProperty('raw')
})

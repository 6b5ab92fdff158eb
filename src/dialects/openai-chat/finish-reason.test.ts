import { expect, test } from 'bun:test'
import type { FinishReason } from '../../chat/event.ts'
import { decodeFinish, encodeFinish, isDocumentedFinish } from './finish-reason.ts'

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

test('every end is encoded as a word that typed clients know', () => {
  const reasons = ['stop', 'length', 'tool-calls', 'content-filter', 'other'] as const
  for (const reason of reasons) expect(isDocumentedFinish(encodeFinish(reason))).toBe(true)
})

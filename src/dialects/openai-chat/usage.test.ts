import { expect, test } from 'bun:test'
import { WireReply } from './reply-schema.ts'
import { encodeUsage, usageIn } from './usage.ts'

/** What a client gets of an upstream's usage. */
function relayed(usage: object) {
  const found = usageIn(WireReply.parse({ choices: [], usage }))
  return found && encodeUsage(found)
}

test('usage that says nothing is none, so that it is estimated', () => {
  expect(relayed({})).toBeUndefined()
})

test('a total that was left out is the sum: clients in typed languages refuse usage without one', () => {
  expect(relayed({ prompt_tokens: 3, completion_tokens: 4 })).toEqual({
    prompt_tokens: 3,
    completion_tokens: 4,
    total_tokens: 7,
  })
  expect(relayed({ prompt_tokens: 3 })).toEqual({ prompt_tokens: 3 })
})

test('no count is null: clients in typed languages take a number or nothing', () => {
  const details = { cached_tokens: null, audio_tokens: 0 }
  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 9, cost: 0.5 }
  const nothing = { total_tokens: null, completion_tokens_details: null }
  expect(relayed({ ...usage, prompt_tokens_details: details })).toEqual({
    ...usage,
    prompt_tokens_details: { audio_tokens: 0 },
  })
  expect(relayed({ ...usage, ...nothing })).toEqual({ ...usage, total_tokens: 7 })
})

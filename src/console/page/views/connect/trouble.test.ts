import { describe, expect, test } from 'bun:test'
import { textIn, troubleOf } from './trouble.ts'

describe('what went wrong is named by what can be done about it', () => {
  test.each([
    [0, 'unreachable', '', 'unreachable'],
    [401, 'invalid_api_key', '', 'wrongKey'],
    // Messages has no code
    [401, 'unknown', 'invalid x-api-key', 'wrongKey'],
    [403, 'invalid_api_key', '', 'wrongKey'],
    [403, 'unknown', 'The API key is wrong, or was revoked.', 'wrongKey'],
    [403, 'unknown', 'This API key was valid until 2020-02-01T00:00:00.000Z.', 'expired'],
    [403, 'key_expired', 'The key expired.', 'expired'],
    [403, 'forbidden', 'The key may not use it.', 'notAllowed'],
    [404, 'model_not_found', '', 'noModel'],
    [429, 'budget_exceeded', '', 'budget'],
    [429, 'insufficient_quota', '', 'budget'],
    [429, 'rate_limit_exceeded', '', 'limit'],
    [400, 'unsupported_parameter', '', 'refused'],
    [502, 'upstream_failed', '', 'upstream'],
    [504, 'upstream_timeout', '', 'upstream'],
  ] as const)('%i %s', (status, code, message, trouble) => expect(troubleOf({ status, code, message })).toBe(trouble))
})

describe('the text of an answer is found', () => {
  test.each([
    ['Chat Completions', { choices: [{ message: { role: 'assistant', content: 'OK' } }] }],
    ['Responses', { output: [{ type: 'reasoning', summary: [] }, { content: [{ type: 'output_text', text: 'OK' }] }] }],
    [
      'Messages',
      {
        content: [
          { type: 'thinking', thinking: 'hm' },
          { type: 'text', text: 'OK' },
        ],
      },
    ],
  ])('%s', (_, answer) => expect(textIn(answer)).toBe('OK'))

  test('and an answer without one has none', () => {
    for (const answer of [null, 'OK', { choices: [] }, { content: [{ type: 'tool_use' }] }])
      expect(textIn(answer)).toBe('')
  })
})

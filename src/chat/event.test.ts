import { expect, test } from 'bun:test'
import { type ChatEvent, isBlank } from './event.ts'

test('only an empty text without anything beside it is blank', () => {
  const blank: ChatEvent = { type: 'text', choice: 0, text: '' }
  expect(isBlank(blank)).toBe(true)
  expect(isBlank({ ...blank, native: { dialect: 'openai-chat', form: 'chunk', value: {} } })).toBe(true)
  expect(isBlank({ ...blank, text: ' ' })).toBe(false)
  expect(isBlank({ ...blank, logprobs: { content: [] } })).toBe(false)
  expect(isBlank({ ...blank, annotations: [{ url: 'https://host/' }] })).toBe(false)
  expect(isBlank({ ...blank, isForeign: true })).toBe(false)
  expect(isBlank({ type: 'reasoning', choice: 0, text: '' })).toBe(false)
})

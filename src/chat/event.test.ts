import { expect, test } from 'bun:test'
import { type ChatEvent, isBlank } from './event.ts'

test('an empty part without extra is blank, and so are its end and a chunk without content', () => {
  const blank: ChatEvent = { type: 'text', choice: 0, part: 0, text: '' }
  const foreign = { type: 'foreign', choice: 0, native: { dialect: 'x', form: 'chunk', value: {} } } as const
  expect(isBlank(blank)).toBe(true)
  expect(isBlank({ ...blank, native: { dialect: 'openai-chat', form: 'chunk', value: {} } })).toBe(true)
  expect(isBlank({ ...blank, text: ' ' })).toBe(false)
  expect(isBlank({ ...blank, logprobs: { content: [] } })).toBe(false)
  expect(isBlank({ ...blank, annotations: [{ url: 'https://host/' }] })).toBe(false)
  expect(isBlank({ type: 'reasoning', choice: 0, part: 0, text: '' })).toBe(true)
  expect(isBlank({ type: 'reasoning', choice: 0, part: 0, text: 'hm' })).toBe(false)
  expect(isBlank({ type: 'refusal', choice: 0, part: 0, text: 'no' })).toBe(false)
  expect(isBlank({ type: 'part-end', choice: 0, part: 0 })).toBe(true)
  expect(isBlank({ ...foreign, isShown: false })).toBe(true)
  expect(isBlank({ ...foreign, isShown: true })).toBe(false)
  expect(isBlank({ type: 'tool-call', choice: 0, part: 0, id: 'a', name: 'f' })).toBe(false)
})

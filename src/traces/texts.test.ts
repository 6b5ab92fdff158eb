import { expect, test } from 'bun:test'
import type { Message } from '../chat/message.ts'
import { Secret } from '../chat/secret.ts'
import { boundedText, inputMessages, maxTexts, outputMessages } from './texts.ts'

const user = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] })

test('messages are valid JSON of bounded length, however long and many they are', () => {
  const many = Array.from({ length: 100_000 }, () => user(''))
  for (const messages of [
    [user('a'.repeat(1_000_000))],
    many,
    [{ role: 'user' as const, content: many.flatMap(({ content }) => content) }],
  ]) {
    const text = inputMessages(messages)
    expect(Array.isArray(JSON.parse(text))).toBe(true)
    expect(text.length).toBeLessThan(2 * maxTexts)
  }
})

test('a secret is cut out, also where the text is cut', () => {
  const secret = new Secret('sk-texts-0123456789abcdef').reveal()
  for (let shift = 0; shift <= secret.length; shift++) {
    const text = boundedText(`${'a'.repeat(maxTexts - shift)}${secret} and more`)
    expect(text).not.toContain('sk-t')
    expect(text.length).toBeLessThanOrEqual(maxTexts)
  }
})

test('an answer that broke off has what was said, and says so', () => {
  const text = outputMessages([
    { index: 0, parts: [{ type: 'text', text: 'so far' }], logprobs: [], finish: undefined, native: undefined },
  ])
  expect(JSON.parse(text)).toEqual([
    { role: 'assistant', parts: [{ type: 'text', content: 'so far' }], finish_reason: 'error' },
  ])
})

test('what an image contains is left out', () => {
  const content = [{ type: 'image', url: 'data:image/png;base64,AAAA' } as const]
  expect(JSON.parse(inputMessages([{ role: 'user', content }]))).toEqual([{ role: 'user', parts: [{ type: 'image' }] }])
})

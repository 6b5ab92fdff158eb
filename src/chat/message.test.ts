import { describe, expect, test } from 'bun:test'
import { markedContent, type Part, textOf } from './message.ts'

test('the text of a list of parts is the text of its text parts only', () => {
  expect(
    textOf([
      { type: 'text', text: 'a' },
      { type: 'reasoning', text: 'hidden' },
      { type: 'image', url: 'data:,' },
      { type: 'text', text: 'b' },
    ]),
  ).toBe('ab')
})

describe('the result of a tool that failed says so', () => {
  const result = (content: readonly Part[], isError = true) =>
    markedContent({ role: 'tool', toolCallId: 'a', content, isError })
  const image: Part = { type: 'image', url: 'https://example.com/a.png' }

  test('before its text, and in place of an empty one', () => {
    expect(result([{ type: 'text', text: 'no file' }, image])).toEqual([
      { type: 'text', text: 'Error: no file' },
      image,
    ])
    expect(result([{ type: 'text', text: '' }])).toEqual([{ type: 'text', text: 'Error' }])
    expect(result([image])).toEqual([{ type: 'text', text: 'Error' }, image])
  })

  test('and a result that did not fail stays as it is', () => {
    const content: readonly Part[] = [{ type: 'text', text: 'done' }]
    expect(result(content, false)).toBe(content)
  })
})

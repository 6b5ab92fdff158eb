import { expect, test } from 'bun:test'
import { textOf } from './message.ts'

test('the text of parts is that of their text parts alone', () => {
  expect(
    textOf([
      { type: 'text', text: 'a' },
      { type: 'reasoning', text: 'hidden' },
      { type: 'image', url: 'data:,' },
      { type: 'text', text: 'b' },
    ]),
  ).toBe('ab')
})

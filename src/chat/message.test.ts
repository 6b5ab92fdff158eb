import { expect, test } from 'bun:test'
import { textOf } from './message.ts'

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

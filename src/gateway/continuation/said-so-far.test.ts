import { expect, test } from 'bun:test'
import type { ChatEvent } from '../../chat/event.ts'
import { SaidSoFar } from './said-so-far.ts'

const text = (said: string, part = 0): ChatEvent => ({ type: 'text', choice: 0, part, text: said })
const call: ChatEvent = { type: 'tool-call', choice: 0, part: 1, id: 'a', name: 'b' }

test('text of the same part after a tool call, in one batch, is not kept', () => {
  const said = new SaidSoFar()
  said.add([text('a'), call, text('b')])
  expect(said.take()).toBeUndefined()
})

test('texts of several batches are kept', () => {
  const said = new SaidSoFar()
  said.add([text('a'), text('b')])
  said.add([text('c')])
  expect(said.take()).toBe('abc')
})

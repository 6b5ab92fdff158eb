import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { partFaultIn } from '../../test/laws/part-order.ts'
import type { ChatEvent } from './event.ts'
import { PartWriter } from './part-writer.ts'

/** Shows an event in a few characters: `text 0`, `end 0`. */
const brief = (events: readonly ChatEvent[]) =>
  events.map((event) => `${event.type}${'part' in event ? ` ${event.part}` : ''}`.replace('part-end', 'end'))

test('another kind of content ends the open part and opens a new one', () => {
  const writer = new PartWriter()
  const events = [
    ...writer.reasoning('h'),
    ...writer.reasoning('m'),
    ...writer.text('I look.'),
    ...writer.toolCall({ id: 'a', name: 'f' }),
    ...writer.toolArguments(writer.latestPart, '{}'),
    ...writer.endCall(writer.latestPart),
    ...writer.reasoning('so'),
    ...writer.text('It is.'),
    ...writer.finish('stop'),
  ]
  expect(brief(events)).toEqual([
    'reasoning 0',
    'reasoning 0',
    'end 0',
    'text 1',
    'end 1',
    'tool-call 2',
    'tool-arguments 2',
    'end 2',
    'reasoning 3',
    'end 3',
    'text 4',
    'end 4',
    'finish',
  ])
})

test('tool calls may grow in turns, each ends once, and arguments after an end are ignored', () => {
  const writer = new PartWriter()
  const events = [
    ...writer.toolCall({ id: 'a', name: 'f' }),
    ...writer.toolCall({ id: 'b', name: 'g' }),
    ...writer.toolArguments(0, '{'),
    ...writer.toolArguments(1, '{}'),
    ...writer.toolArguments(0, '}'),
    ...writer.endCall(1),
    ...writer.endCall(1),
    ...writer.toolArguments(1, ' '),
    ...writer.finish('tool-calls'),
  ]
  expect(brief(events).slice(5)).toEqual(['end 1', 'end 0', 'finish'])
})

test('data of a whole part comes with its end', () => {
  const writer = new PartWriter(2)
  const extra = { 'anthropic-messages': { signature: 'c2ln' } }
  expect([...writer.reasoning('hm'), ...writer.endWords({ extra }), ...writer.endWords({ extra })]).toEqual([
    { type: 'reasoning', choice: 2, part: 0, text: 'hm' },
    { type: 'part-end', choice: 2, part: 0, extra },
  ])
})

test('a whole part ends the open text, and has a number of its own', () => {
  const writer = new PartWriter()
  const call = { type: 'server-tool-call', id: 's', name: 'search', arguments: '{}' } as const
  expect([...writer.text('a'), ...writer.whole(call), ...writer.text('b')]).toEqual([
    { type: 'text', choice: 0, part: 0, text: 'a' },
    { type: 'part-end', choice: 0, part: 0 },
    { ...call, choice: 0, part: 1 },
    { type: 'part-end', choice: 0, part: 1 },
    { type: 'text', choice: 0, part: 2, text: 'b' },
  ])
})

test('it continues the numbers of another writer', () => {
  const writer = new PartWriter()
  const written: ChatEvent[] = [
    { type: 'reasoning', choice: 0, part: 0, text: 'hm' },
    { type: 'part-end', choice: 0, part: 0 },
    { type: 'tool-call', choice: 0, part: 1, id: 'a', name: 'f' },
    { type: 'text', choice: 0, part: 2, text: 'a' },
  ]
  for (const event of written) writer.note(event)
  expect(brief([...writer.text('b'), ...writer.finish('stop')])).toEqual(['text 2', 'end 2', 'end 1', 'finish'])
})

test('law 1 holds for any content in any order', () => {
  const step = fc.record({
    kind: fc.constantFrom('text', 'refusal', 'reasoning', 'open', 'grow', 'end'),
    at: fc.nat(9),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const writer = new PartWriter()
      const said = steps.flatMap(({ kind, at }) => {
        if (kind === 'open') return writer.toolCall({ id: 'a', name: 'f' })
        if (kind === 'grow') return writer.toolArguments(at, '{}')
        return kind === 'end' ? writer.endCall(at) : writer[kind]('a')
      })
      expect(partFaultIn([...said, ...writer.finish('stop')])).toBeUndefined()
    }),
  )
})

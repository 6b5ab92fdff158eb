import { expect, test } from 'bun:test'
import { Outbox } from './outbox.ts'

const result = (toolCallId: string) =>
  ({ type: 'tool-result', toolCallId, name: 't', content: '', isError: false }) as const
const output = (toolCallId: string, text: string) => ({ source: 'tool', toolCallId, text }) as const

test('a result only waits for the output of its own call', async () => {
  const outbox = new Outbox(1_000)
  outbox.output(output('a', '1'))
  outbox.output(output('b', '1'))
  outbox.result(result('a'))
  outbox.result(result('c'))
  outbox.output(output('a', '2'))
  outbox.end()
  const read = []
  for (let next = await outbox.next(); next; next = await outbox.next()) read.push(next)
  expect(read).toEqual([
    result('c'),
    { type: 'tool-output', ...output('a', '12') },
    result('a'),
    { type: 'tool-output', ...output('b', '1') },
  ])
})

test('a waiting reader gets a failure at once, before anything else', async () => {
  const outbox = new Outbox(1_000)
  const waiting = outbox.next()
  outbox.output(output('a', '1'))
  outbox.fail(new Error('gone'))
  expect(await waiting.catch((thrown) => thrown)).toMatchObject({ message: 'gone' })
})

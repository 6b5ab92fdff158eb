import { expect, test } from 'bun:test'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { MetricsCollector } from './worker-metrics.ts'

/** A parent with these workers. Each answers at once with its process id as its metrics, unless it is dead. */
function parentOf(...pids: readonly number[]) {
  const runtime = new ManualRuntime()
  const collector = new MetricsCollector(runtime.timers)
  const sent: unknown[] = []
  const dead = new Set<number>()
  const add = (pid: number) =>
    collector.add({
      pid,
      send(message) {
        if (message.metrics === 'all') sent.push(message)
        if (message.metrics === 'yours?' && !dead.has(pid))
          collector.hear({ metrics: 'mine', id: message.id, text: `of ${pid}` }, pid)
      },
    })
  for (const pid of pids) add(pid)
  return { collector, runtime, sent, dead, add }
}

test('a worker gets the metrics of the others, each with its number', () => {
  const { collector, sent } = parentOf(11, 12, 13)
  collector.hear({ metrics: 'all?', id: 7 }, 12)
  const others = [
    { worker: '1', text: 'of 11' },
    { worker: '3', text: 'of 13' },
  ]
  expect(sent).toEqual([{ metrics: 'all', id: 7, own: '2', others }])
})

test('a worker that does not answer is missing after two seconds, and its successor has its number', async () => {
  const { collector, runtime, sent, dead, add } = parentOf(11, 12)
  dead.add(11)
  collector.hear({ metrics: 'all?', id: 1 }, 12)
  expect(sent).toEqual([])
  await runtime.advance(2_000)
  expect(sent).toEqual([{ metrics: 'all', id: 1, own: '2', others: [] }])
  collector.remove(11)
  add(14)
  collector.hear({ metrics: 'all?', id: 2 }, 12)
  expect(sent[1]).toEqual({ metrics: 'all', id: 2, own: '2', others: [{ worker: '1', text: 'of 14' }] })
})

test('the only worker gets its number at once, and other messages are no question', () => {
  const { collector, sent } = parentOf(11)
  collector.hear({ metrics: 'all?', id: 1 }, 11)
  expect(sent).toEqual([{ metrics: 'all', id: 1, own: '1', others: [] }])
  for (const message of [null, 'text', 7, {}, { metrics: 'mine', id: 99, text: '' }]) collector.hear(message, 11)
  expect(sent).toHaveLength(1)
})

import { expect, test } from 'bun:test'
import { counter, type Family, gauge } from './family.ts'
import { writeMetrics } from './write-metrics.ts'

const many = gauge(
  'tributary_accounts',
  Array.from({ length: 1_000 }, (_, at) => ({ labels: { upstream: `u${at}` }, value: at })),
)

test('a long family is written whole, with one head, and others get turns meanwhile', async () => {
  let turns = 0
  let isWritten = false
  const written = writeMetrics([[many]], 'text').finally(() => {
    isWritten = true
  })
  while (!isWritten) {
    await new Promise<void>((resolve) => setImmediate(resolve))
    turns++
  }
  const lines = (await written).text.trimEnd().split('\n')
  expect(lines.slice(0, 2)).toEqual([
    '# HELP tributary_accounts Accounts of an upstream by state',
    '# TYPE tributary_accounts gauge',
  ])
  expect(lines.slice(2)).toEqual(
    Array.from({ length: 1_000 }, (_, at) => `tributary_accounts{upstream="u${at}"} ${at}`),
  )
  expect(turns).toBeGreaterThan(3)
})

test('the families of several processes are joined, and their labels are escaped', async () => {
  const of = (worker: string): readonly Family[] => [
    counter('tributary_hedged_requests', { all: [{ labels: { worker }, row: { count: 2 } }] }),
  ]
  const { text, type } = await writeMetrics([of('1'), of('a"\\\n')], 'openmetrics')
  expect(type).toStartWith('application/openmetrics-text')
  expect(text).toBe(
    [
      '# HELP tributary_hedged_requests Requests for which a second upstream was asked while the first was silent',
      '# TYPE tributary_hedged_requests counter',
      'tributary_hedged_requests_total{worker="1"} 2',
      'tributary_hedged_requests_total{worker="a\\"\\\\\\n"} 2',
      '# EOF',
      '',
    ].join('\n'),
  )
})

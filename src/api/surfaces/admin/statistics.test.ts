import { expect, test } from 'bun:test'
import { ManualRuntime } from '../../../flow/runtime.double.ts'
import { Statistics } from '../../../gateway/requests/statistics.ts'
import { encodeLastHour } from './statistics.ts'

test('an hour without a request has sixty empty minutes, and what is unknown is null', () => {
  const { minutes, ...hour } = encodeLastHour(new Statistics(new ManualRuntime()).lastHour())
  expect(hour).toEqual({
    ...{ requests: 0, failed: 0, client_left: 0, first_event_ms: null },
    ...{ input_tokens: 0, output_tokens: 0, cost_usd: null },
  })
  expect([minutes[0], minutes.at(-1)]).toEqual([
    { at: '2025-12-31T23:01:00.000Z', requests: 0, failed: 0 },
    { at: '2026-01-01T00:00:00.000Z', requests: 0, failed: 0 },
  ])
})

import { expect, test } from 'bun:test'
import { endOf, rowsOf } from './waterfall-rows.ts'

const whole = { first_event_ms: 640, duration_ms: 2_000, outcome: 'ok' }
const attempt = { upstream: 'openai', account: 'a1', model: 'gpt-5', first_event_ms: null, outcome: 'rate_limited' }

test('the queue, the attempts and the seams stand in the order of their time, and the whole is last', () => {
  const rows = rowsOf({
    ...whole,
    timeline: {
      queued_ms: 100,
      attempts: [
        { ...attempt, start_ms: 100, end_ms: 300 },
        {
          ...attempt,
          upstream: 'groq',
          account: null,
          start_ms: 1_200,
          first_event_ms: 1_300,
          end_ms: 2_000,
          outcome: 'ok',
        },
        { ...attempt, start_ms: 300, first_event_ms: 640, end_ms: 1_150, outcome: 'cut' },
      ],
      seams: [{ at_ms: 1_300, upstream: 'groq', from: 'openai' }],
    },
  })
  expect(rows.map(({ kind, who, startMs, endMs }) => [kind, who, startMs, endMs])).toEqual([
    ['queue', '', 0, 100],
    ['attempt', 'openai · a1 · gpt-5', 100, 300],
    ['attempt', 'openai · a1 · gpt-5', 300, 1_150],
    ['attempt', 'groq · gpt-5', 1_200, 2_000],
    ['seam', 'openai → groq', 1_300, 1_300],
    ['whole', '', 0, 2_000],
  ])
  expect(rows.map(({ firstEventMs }) => firstEventMs)).toEqual([undefined, undefined, 640, 1_300, undefined, 640])
})

test('without a timeline only the whole is known', () => {
  for (const timeline of [undefined, null])
    expect(rowsOf({ ...whole, ...(timeline === null && { timeline }) })).toEqual([
      { kind: 'whole', startMs: 0, firstEventMs: 640, endMs: 2_000, who: '', outcome: 'ok' },
    ])
})

test('an attempt without an end lasts to the end of the request, and none ends before it starts', () => {
  const timeline = {
    queued_ms: null,
    attempts: [
      { ...attempt, start_ms: 500, end_ms: null },
      { ...attempt, start_ms: 600, end_ms: 100 },
    ],
    seams: [],
  }
  expect(rowsOf({ ...whole, timeline }).map(({ endMs }) => endMs)).toEqual([2_000, 600, 2_000])
})

test('the scale reaches to the last end, and is never empty', () => {
  const late = { queued_ms: 0, attempts: [{ ...attempt, start_ms: 0, end_ms: 2_500 }], seams: [] }
  expect(endOf(rowsOf({ ...whole, timeline: late }))).toBe(2_500)
  expect(endOf(rowsOf({ ...whole, duration_ms: 0 }))).toBe(1)
})

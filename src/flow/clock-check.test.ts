import { describe, expect, test } from 'bun:test'
import { ClockCheck } from './clock-check.ts'

const minuteMs = 60_000
const offBy = (offMs: number, base = 0) => ({ offMs, base })

function checkOf(...notes: readonly (readonly [host: string, offMs: number])[]): ClockCheck {
  const check = new ClockCheck()
  for (const [host, offMs] of notes) check.note(host, offBy(offMs))
  return check
}

describe('our clock is', () => {
  const late = 10 * minuteMs
  for (const [what, notes, offMs] of [
    ['right while nothing is known', [], undefined],
    ['right if a host says so', [['a', 2_000]], undefined],
    ['not known to be wrong by one reply', [['a', late]], undefined],
    [
      'wrong if a host says so twice in a row',
      [
        ['a', late],
        ['a', late + 1_000],
      ],
      late + 1_000,
    ],
    [
      'wrong if two hosts say so',
      [
        ['a', late],
        ['b', late],
      ],
      late,
    ],
    [
      'right if another host contradicts one',
      [
        ['a', late],
        ['a', late],
        ['b', 0],
      ],
      undefined,
    ],
    [
      'wrong if most say so',
      [
        ['a', late],
        ['b', late],
        ['c', 0],
      ],
      late,
    ],
    [
      'right if only half say so',
      [
        ['a', late],
        ['b', late],
        ['c', 0],
        ['d', 0],
      ],
      undefined,
    ],
    [
      'right if the host was right before and after',
      [
        ['a', 0],
        ['a', late],
        ['a', 0],
      ],
      undefined,
    ],
    [
      'behind',
      [
        ['a', -late],
        ['b', -late],
      ],
      -late,
    ],
  ] as const)
    test(what, () => expect(checkOf(...notes).offset(0)?.offMs).toBe(offMs))
})

test('a clock that was set right is right at once, and one that was set wrong is wrong at once', () => {
  const check = checkOf(['a', 5 * minuteMs], ['b', 5 * minuteMs])
  expect(check.offset(-5 * minuteMs)).toBeUndefined()
  expect(checkOf(['a', 0], ['b', 0]).offset(3 * minuteMs)).toEqual({ offMs: 3 * minuteMs, hosts: ['a', 'b'] })
})

test('hosts without end do not fill the memory', () => {
  const check = new ClockCheck()
  for (let host = 0; host < 1_000; host++) check.note(String(host), offBy(2 * minuteMs))
  expect(check.offset(0)?.hosts).toHaveLength(64)
})

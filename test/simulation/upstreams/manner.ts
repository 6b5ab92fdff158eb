import type { Chance } from '../chance.ts'

/** How an upstream answers one request. */
export type Manner =
  | 'well'
  | 'slow'
  | 'silent'
  | 'stall'
  | 'cut'
  | 'stops-short'
  | 'reset'
  | 'hangs-up'
  | 'error-500'
  | 'overloaded'
  | 'limited'
  | 'refused'
  | 'error-in-stream'
  | 'garbage'
  | 'no-done'
  | 'page'
  | 'empty'

/** How an upstream behaves for a while. */
export type Mood = 'well' | 'slow' | 'flaky' | 'down' | 'lying' | 'limiting' | 'unreachable'

const mannersOf: Readonly<Record<Mood, readonly (readonly [number, Manner])[]>> = {
  well: [[1, 'well']],
  slow: [
    [4, 'slow'],
    [2, 'well'],
    [1, 'silent'],
    [1, 'stall'],
  ],
  flaky: [
    [5, 'well'],
    [2, 'cut'],
    [2, 'stops-short'],
    [2, 'reset'],
    [2, 'hangs-up'],
    [1, 'stall'],
    [1, 'error-in-stream'],
  ],
  down: [
    [5, 'error-500'],
    [3, 'overloaded'],
    [1, 'silent'],
    [1, 'hangs-up'],
  ],
  lying: [
    [3, 'well'],
    [2, 'garbage'],
    [2, 'no-done'],
    [2, 'page'],
    [2, 'empty'],
    [2, 'error-in-stream'],
    [2, 'stops-short'],
  ],
  limiting: [
    [3, 'limited'],
    [1, 'refused'],
    [4, 'well'],
  ],
  unreachable: [[1, 'hangs-up']],
}

export function mannerIn(mood: Mood, chance: Chance): Manner {
  return chance.weigh(mannersOf[mood], 'well')
}

export function pickMood(chance: Chance): Mood {
  return chance.pick(['well', 'well', 'slow', 'flaky', 'flaky', 'down', 'lying', 'limiting', 'unreachable'])
}

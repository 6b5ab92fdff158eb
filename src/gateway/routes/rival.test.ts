import { expect, test } from 'bun:test'
import type { Standing } from '../health/breaker.ts'
import { rivalOf } from './rival.ts'

interface Wanted {
  readonly hedges?: boolean
  readonly stopsOnCancel?: false
  readonly standing?: Standing
}

/** A leg of an upstream of this name, as far as a rival is chosen by it. */
function leg(name: string, { hedges = true, stopsOnCancel, standing = 'good' }: Wanted = {}) {
  const upstream = { name, ...(stopsOnCancel === false && { stopsOnCancel }) }
  return { candidate: { member: { upstream }, model: 'm' }, settings: { hedges }, standing }
}

test('the rival is the first healthy leg of another upstream, if both stop when they are cancelled', () => {
  const a = leg('a')
  const again = { ...a, candidate: { ...a.candidate, model: 'other' } }
  const c = leg('c')
  expect(rivalOf(a, [again, leg('b', { standing: 'mistrusted' }), leg('b', { stopsOnCancel: false }), c])).toBe(c)
  expect(rivalOf(a, [leg('b', { standing: 'open' })])).toBeUndefined()
  expect(rivalOf(leg('a', { hedges: false }), [c])).toBeUndefined()
  expect(rivalOf(leg('a', { stopsOnCancel: false }), [c])).toBeUndefined()
})

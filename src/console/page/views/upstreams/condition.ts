import type { Tone } from '../../kit/badge.tsx'
import type { Account, Upstream } from './types.ts'

/** `failing`: it cannot answer now; `attention`: something of it is not as it should be. */
export type Condition = 'failing' | 'attention' | 'good'

const useless = new Set(['needs-login', 'banned', 'refused', 'challenged', 'exhausted', 'cooling'])

export function conditionOf({ accounts, breaker, used_up, drift = [] }: Upstream): Condition {
  if (breaker.state === 'ejected') return 'failing'
  const [stuck, usable] = [accounts.filter(cannotAnswer), accounts.filter((account) => !cannotAnswer(account))]
  if (used_up !== null || (stuck.length > 0 && usable.length === 0)) return 'failing'
  const isTroubled = breaker.state !== 'good' || breaker.models.some(({ state }) => state !== 'good')
  return isTroubled || drift.length > 0 || accounts.some(({ state }) => useless.has(state)) ? 'attention' : 'good'
}

/** Whether it answers nothing now; an account that rests with some models only still answers others. */
function cannotAnswer({ state, models }: Account): boolean {
  return useless.has(state) && models === null
}

export function toneOfAccount(state: string): Tone {
  if (state === 'ok') return 'good'
  if (state === 'refreshing') return 'info'
  return state === 'cooling' || state === 'exhausted' || state === 'challenged' ? 'warning' : 'bad'
}

export const toneOfBreaker = { good: 'good', mistrusted: 'warning', ejected: 'bad' } as const

export const toneOfCondition = { good: 'good', attention: 'warning', failing: 'bad' } as const

import type { SignIn } from '../upstreams/sign-in.ts'

/** Milliseconds between two renewals: an access token lasts 112 s, and is renewed up to 108 s before its end. */
const leastMs = 4_000

interface Renewed {
  readonly signIn: SignIn
  readonly elapsedMs: number
  /** How often a process ended, which may have lost what it had got. */
  readonly ends: number
}

/** @returns what has burnt an account */
export function judgeAccounts({ signIn, elapsedMs, ends }: Renewed): readonly string[] {
  const { users, counts } = signIn
  const wrong: string[] = []
  if (users.revoked > 0) wrong.push('an account is burnt: its refresh token was used again')
  const most = 2 + Math.ceil(elapsedMs / leastMs) + 2 * counts.lost + 2 * ends
  if (counts.renewals > most) wrong.push(`an account was renewed ${counts.renewals} times, and ${most} are enough`)
  return wrong
}

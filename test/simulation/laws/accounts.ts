import type { SignIn } from '../upstreams/sign-in.ts'

/** Milliseconds between two renewals: an access token lasts 112 s, and is renewed up to 108 s before its end. */
const leastMs = 4_000

interface Renewed {
  readonly signIn: SignIn
  /** When processes ended, which may have lost what they had got. Milliseconds since the night began. */
  readonly ends: readonly number[]
  /** Whether the store may have lost what was renewed. */
  readonly hasStoreFaults: boolean
}

/** @returns what has burnt an account, or renewed it too often */
export function judgeAccounts({ signIn, ends, hasStoreFaults }: Renewed): readonly string[] {
  const { users, renewals, mostAtOnce } = signIn
  const wrong: string[] = []
  if (users.revoked > 0) wrong.push('an account is burnt: its refresh token was used again')
  if (mostAtOnce > 1) wrong.push(`an account was renewed ${mostAtOnce} times at once`)
  if (hasStoreFaults) return wrong
  for (const [at, { at: now }] of renewals.entries()) {
    const last = renewals[at - 1]
    const isNeeded = !last?.isDelivered || now - last.at >= leastMs || ends.some((end) => end >= last.at && end <= now)
    if (!isNeeded) wrong.push(`an account was renewed at ${now}, and had been at ${last.at}`)
  }
  return wrong
}

import { asChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Account } from './account.ts'
import type { LiveAccount } from './live-account.ts'

/**
 * Calls `ask` with the account's current credential. If the service refuses the credential, `ask` is called once more
 * with a new one.
 * @throws what `ask` or the renewal throws
 */
export async function withAccount<Result>(
  live: LiveAccount,
  signal: Cancel,
  ask: (account: Account) => Promise<Result>,
): Promise<Result> {
  const credential = await live.getCredential(signal)
  try {
    return await ask({ label: live.label, credential })
  } catch (thrown) {
    if (!live.renewal || live.isJustReplaced(credential) || asChatError(thrown).reason !== 'account-refused')
      throw thrown
    return ask({ label: live.label, credential: await live.replaceCredential(credential, signal) })
  }
}

import { asChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Account } from './account.ts'
import type { Session } from './session.ts'

/**
 * Asks with the account's credential of the moment; where the service refuses that, once more with the next one.
 * @throws what `ask` or the renewal throws
 */
export async function withAccount<Result>(
  session: Session,
  signal: Cancel,
  ask: (account: Account) => Promise<Result>,
): Promise<Result> {
  const credential = await session.fresh(signal)
  try {
    return await ask({ label: session.label, credential })
  } catch (thrown) {
    if (!session.renewal || session.isMended(credential) || asChatError(thrown).reason !== 'account-refused')
      throw thrown
    return ask({ label: session.label, credential: await session.renewed(credential, signal) })
  }
}

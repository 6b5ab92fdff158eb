import type { ReloadProblem } from '../api/exchange/live-configuration.ts'
import type { ClientKeys, ConfiguredKeys } from '../keys/client-keys.ts'
import type { Config } from './config.ts'

/**
 * Finds out whether a changed configuration takes away the last key of an admin. Then nobody could administer the gateway,
 * or everybody who can reach it, because it still listens on the address of its start.
 */
export function findLockOut(
  former: Config,
  changed: Config,
  clientKeys: Pick<ClientKeys, 'accessWith'>,
): ReloadProblem | undefined {
  const before = clientKeys.accessWith(configuredKeys(former))
  const after = clientKeys.accessWith(configuredKeys(changed))
  const variable = former.keys.length > 0 ? 'API_MASTER_KEY' : 'API_KEYS_FILE'
  if (after === 'open' && before !== 'open' && !changed.allowsUnauthenticated)
    return {
      variable,
      problem: 'has no key any more, so everybody who can reach the gateway could use and administer it',
      remedy: 'set API_MASTER_KEY, or ALLOW_UNAUTHENTICATED=true if that is meant',
    }
  if (after === 'unadministered' && before === 'administered')
    return {
      variable,
      problem: 'has no key of an admin any more, so nobody could administer the gateway',
      remedy: 'set API_MASTER_KEY, or give a key of API_KEYS_FILE the role admin',
    }
  return undefined
}

/** The keys that stand in the configuration. */
export function configuredKeys({ namedKeys, keys }: Config): ConfiguredKeys {
  return { configured: namedKeys, hasMasterKey: keys.length > 0 }
}

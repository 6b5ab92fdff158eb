import type { Account } from '../accounts/account.ts'
import type { Config } from '../config/config.ts'
import type { Upstream } from '../providers/provider.ts'

/** An upstream that another configuration adds or changes. */
export interface ChangedUpstream {
  readonly upstream: Upstream
  /** Its accounts that are new or have another credential. */
  readonly added: readonly Account[]
  /** Whether credentials of the environment would be used in another way, such as at another address. */
  readonly divertsEnvironment: boolean
}

/** The upstreams that another configuration adds, or whose accounts, address or models it changes. */
export function findChanges(former: Config, changed: Config): readonly ChangedUpstream[] {
  const before = new Map(former.upstreams.map((upstream) => [upstream.name, upstream]))
  return changed.upstreams.flatMap((upstream) => {
    const known = before.get(upstream.name)
    const prints = new Set(known?.accounts.map(({ fingerprint }) => fingerprint))
    const added = upstream.accounts.filter(({ fingerprint }) => !prints.has(fingerprint))
    if (known && added.length === 0 && isSame(known, upstream)) return []
    return [{ upstream, added, divertsEnvironment: known !== undefined && diverts(known, upstream) }]
  })
}

/** The environment is valid by itself, so an upstream with credentials of it is known. */
function diverts(known: Upstream, changed: Upstream): boolean {
  if (known.fingerprint === changed.fingerprint) return false
  return changed.accounts.some(
    ({ label, credential }) => credential !== undefined && changed.sources?.get(label)?.source === 'environment',
  )
}

function isSame(a: Upstream, b: Upstream): boolean {
  return a.fingerprint === b.fingerprint && listOf(a) === listOf(b)
}

function listOf({ models }: Upstream): string | undefined {
  return models?.map(({ id }) => id).join('\n')
}

import type { Account } from '../accounts/account.ts'
import type { Config } from '../config/config.ts'
import type { Upstream } from '../providers/provider.ts'

/** An upstream that another configuration adds or changes. */
export interface ChangedUpstream {
  readonly upstream: Upstream
  /** Its accounts that are new or have another credential. */
  readonly added: readonly Account[]
  /** Where credentials come from that are not part of the change, and would be used in another way, such as at another address. */
  readonly diverts: 'environment' | 'state' | undefined
}

/** The upstreams that another configuration adds, or whose accounts, address or models it changes. */
export function findChanges(former: Config, changed: Config): readonly ChangedUpstream[] {
  const before = new Map(former.upstreams.map((upstream) => [upstream.name, upstream]))
  return changed.upstreams.flatMap((upstream) => {
    const known = before.get(upstream.name)
    const prints = new Set(known?.accounts.map(({ fingerprint }) => fingerprint))
    const added = upstream.accounts.filter(({ fingerprint }) => !prints.has(fingerprint))
    if (known && added.length === 0 && isSame(known, upstream)) return []
    return [{ upstream, added, diverts: known && divertedFrom(known, upstream, added) }]
  })
}

/** The environment is valid by itself, so an upstream with credentials of it is known. */
function divertedFrom(
  known: Upstream,
  { accounts, sources, fingerprint }: Upstream,
  added: readonly Account[],
): ChangedUpstream['diverts'] {
  if (known.fingerprint === fingerprint) return undefined
  const kept = accounts.filter((account) => account.credential !== undefined && !added.includes(account))
  if (kept.length === 0) return undefined
  return kept.some(({ label }) => sources?.get(label)?.source === 'environment') ? 'environment' : 'state'
}

function isSame(a: Upstream, b: Upstream): boolean {
  return a.fingerprint === b.fingerprint && listOf(a) === listOf(b)
}

function listOf({ models }: Upstream): string | undefined {
  return models?.map(({ id }) => id).join('\n')
}

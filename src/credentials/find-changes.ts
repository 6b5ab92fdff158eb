import type { Account } from '../accounts/account.ts'
import type { Config } from '../config/config.ts'
import type { Upstream } from '../providers/provider.ts'

/** An upstream that another configuration adds or changes. */
export interface ChangedUpstream {
  readonly upstream: Upstream
  /** Its accounts that are new or have another credential. */
  readonly added: readonly Account[]
}

/** The upstreams that another configuration adds, or whose accounts, address or models it changes. */
export function findChanges(former: Config, changed: Config): readonly ChangedUpstream[] {
  const before = new Map(former.upstreams.map((upstream) => [upstream.name, upstream]))
  return changed.upstreams.flatMap((upstream) => {
    const known = before.get(upstream.name)
    const prints = new Set(known?.accounts.map(({ fingerprint }) => fingerprint))
    const added = upstream.accounts.filter(({ fingerprint }) => !prints.has(fingerprint))
    return known && added.length === 0 && isSame(known, upstream) ? [] : [{ upstream, added }]
  })
}

function isSame(a: Upstream, b: Upstream): boolean {
  return a.fingerprint === b.fingerprint && listOf(a) === listOf(b)
}

function listOf({ models }: Upstream): string | undefined {
  return models?.map(({ id }) => id).join('\n')
}

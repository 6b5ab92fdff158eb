import type { KeptValues } from '../config/apply-kept.ts'
import type { Config } from '../config/config.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Upstream } from '../providers/provider.ts'

/**
 * The variables to remove together with one: those that do not fit without it, such as the models of an upstream that goes off. The
 * address of a server goes with its last key, because it was added with it.
 */
export function findRemoved(
  variable: string,
  values: KeptValues,
  configuration: Pick<LiveConfig, 'inForce' | 'keptInForce' | 'tryKept'>,
): readonly string[] {
  const { inForce, keptInForce } = configuration
  const remaining = (removed: readonly string[]) => {
    const left = Object.fromEntries(Object.entries(keptInForce).filter(([name]) => !removed.includes(name)))
    const { used, config } = configuration.tryKept(left)
    return { config, unused: Object.keys(left).filter((name) => used[name] === undefined && name in values) }
  }
  const { config, unused } = remaining([variable])
  const address = lastKeyOf(variable, inForce, config)
  if (address === undefined) return [variable, ...unused]
  return [variable, address, ...remaining([variable, address]).unused]
}

/** The address in the state of the upstream that has lost its last credential with this variable. */
function lastKeyOf(variable: string, before: Config, after: Config): string | undefined {
  const upstream = before.upstreams.find(({ sources }) => sources?.has(variable))
  const left = after.upstreams.find(({ name }) => name === upstream?.name)
  if (!upstream || !left || !hasCredentials(upstream) || hasCredentials(left)) return undefined
  const [source] = left.sources?.values() ?? []
  return source?.source === 'state' ? source.variable : undefined
}

function hasCredentials({ accounts }: Upstream): boolean {
  return accounts.some(({ credential }) => credential !== undefined)
}

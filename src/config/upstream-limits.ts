import type { Provider, Upstream } from '../providers/provider.ts'
import type { Environment } from './environment.ts'

type UpstreamLimits = Pick<Upstream, 'maxRpm' | 'onLimit'>

const ways = ['next', 'rest'] as const

/** Reads `ON_LIMIT`, which is for all upstreams. */
export function readOnLimit(environment: Environment): Upstream['onLimit'] {
  return environment.choice('ON_LIMIT', ways)
}

/** Reads the variables that every upstream has: `<UPSTREAM>_MAX_RPM` and `<UPSTREAM>_ON_LIMIT`. */
export function readUpstreamLimits(
  provider: Provider,
  environment: Environment,
  onLimit: Upstream['onLimit'],
): (upstream: Pick<Upstream, 'name'>) => UpstreamLimits {
  const prefixes = provider.prefixes?.(environment) ?? [provider.name.toUpperCase()]
  const limits = new Map(
    prefixes.map((prefix) => [prefix, { ...(onLimit && { onLimit }), ...readLimits(prefix, environment) }]),
  )
  return ({ name }) => {
    const prefix = name.toUpperCase().replaceAll('-', '_')
    return limits.get(`UPSTREAM_${prefix}`) ?? limits.get(prefix) ?? {}
  }
}

function readLimits(prefix: string, environment: Environment): UpstreamLimits {
  const maxRpm = environment.integer(`${prefix}_MAX_RPM`, { fallback: 0, min: 0, max: 10_000 })
  const onLimit = environment.choice(`${prefix}_ON_LIMIT`, ways)
  return { ...(maxRpm > 0 && { maxRpm }), ...(onLimit && { onLimit }) }
}

import type { RawVariables } from '../../src/config/spelled-values.ts'
import type { Chance } from './chance.ts'

/** What a night is made of. All of it follows from the seed. */
export interface Plan {
  readonly upstreams: readonly string[]
  readonly variables: RawVariables
  /** Models that clients ask for. */
  readonly models: readonly [string, ...string[]]
  readonly requests: number
  /** Milliseconds in which things go wrong. */
  readonly badMs: number
}

const names = ['anna', 'bert', 'cleo'] as const

export function planNight(chance: Chance): Plan {
  const upstreams = names.slice(0, chance.between(1, names.length))
  const settings: Record<string, string> = {
    HOST: '127.0.0.1',
    PORT: '0',
    API_REQUEST_TIMEOUT: '20',
    STREAM_IDLE_TIMEOUT: '15',
    KEEPALIVE_INTERVAL: '5',
  }
  for (const name of upstreams) Object.assign(settings, upstreamSettings(name, chance))
  const legs = upstreams.map((name) => `${name}/m`)
  settings.ROUTES = `chain = ${legs.join(' > ')}; either = ${legs.join(' | ')}; plain = ${legs.join(' > ')} @ nocontinue`
  return {
    upstreams,
    variables: settings,
    models: ['chain', 'either', 'plain', ...legs],
    requests: chance.between(4, 16),
    badMs: chance.between(10_000, 90_000),
  }
}

function upstreamSettings(name: string, chance: Chance): RawVariables {
  const prefix = `UPSTREAM_${name.toUpperCase()}`
  const keys = Array.from({ length: chance.between(1, 3) }, (_, at) => [`${prefix}_KEY_${at + 1}`, `${name}-key-${at}`])
  return { [`${prefix}_URL`]: `http://${name}.test/v1`, [`${prefix}_MODELS`]: 'm', ...Object.fromEntries(keys) }
}

import { join } from 'node:path'
import type { RawVariables } from '../../src/config/spelled-values.ts'
import type { Chance } from './chance.ts'

/** What a night is made of. All of it follows from the seed. */
export interface Plan {
  readonly upstreams: readonly string[]
  readonly variables: RawVariables
  /** Models that clients ask for. */
  readonly models: readonly [string, ...string[]]
  /** Keys of clients; undefined if the gateway asks for none. */
  readonly keys: readonly [string, ...string[]] | undefined
  readonly requests: number
  /** Clients of the chat server, with a session each. */
  readonly talkers: number
  /** Milliseconds in which things go wrong. */
  readonly badMs: number
  /** Where the state is: in the process, in a file of one process, or on a server for all. */
  readonly state: 'memory' | 'sqlite' | 'redis'
  readonly processes: number
  /** How often a process is killed or told to stop. */
  readonly ends: number
  /** Whether the store is out of reach at times. */
  readonly hasStoreFaults: boolean
  /** The probability that a process dies when it uses the store. */
  readonly diesAtStore: number
  /** Whether there is an upstream whose account is renewed. */
  readonly hasSignIn: boolean
  /** Clients that come when all is well again, and leave before they get anything: some of them are probes. */
  readonly passers: number
}

/** The deadlines of the gateway, whose keeping is judged. */
export const deadlineSeconds = { begin: 20, idle: 15 } as const

const names = ['anna', 'bert', 'cleo'] as const
const stateUrls = { memory: 'memory:', sqlite: 'sqlite:/nowhere/state.db', redis: 'redis://nowhere.test' } as const

/** The keys of `client-keys.json`, whose limits the laws know, and the operator's. */
export const tightKey = 'key-of-a-client-with-two-at-once'
const freeKey = 'key-of-a-client-without-limits'
export const masterKey = 'key-of-the-operator'

export function planNight(chance: Chance): Plan {
  const upstreams = names.slice(0, chance.between(1, names.length))
  const legs = upstreams.map((name) => `${name}/m`)
  const state = chance.weigh(
    [
      [2, 'memory'],
      [1, 'sqlite'],
      [2, 'redis'],
    ] as const,
    'memory',
  )
  const hasKeys = chance.happens(0.4)
  const settings = { ...baseSettings(legs), STATE_URL: stateUrls[state], ...(hasKeys && keySettings) }
  for (const name of upstreams) Object.assign(settings, upstreamSettings(name, chance))
  if (chance.happens(0.3)) Object.assign(settings, { MAX_STREAMS: String(chance.between(1, 4)), MAX_QUEUE: '3' })
  return {
    ...{ upstreams, variables: settings, state },
    models: ['chain', 'either', 'plain', 'hedged', ...legs],
    keys: hasKeys ? [tightKey, tightKey, freeKey, masterKey] : undefined,
    requests: chance.between(4, 14),
    talkers: chance.happens(0.4) ? chance.between(1, 2) : 0,
    badMs: chance.between(10_000, 60_000),
    processes: state === 'redis' ? chance.between(1, 2) : 1,
    ends: chance.happens(0.4) ? chance.between(1, 2) : 0,
    hasStoreFaults: state !== 'memory' && chance.happens(0.3),
    diesAtStore: chance.happens(0.3) ? 0.02 : 0,
    hasSignIn: state !== 'memory' && chance.happens(0.5),
    passers: chance.happens(0.3) ? 10 : 0,
  }
}

function baseSettings(legs: readonly string[]): RawVariables {
  const chain = legs.join(' > ')
  return {
    ...{ HOST: '127.0.0.1', PORT: '0', KEEPALIVE_INTERVAL: '5' },
    API_REQUEST_TIMEOUT: String(deadlineSeconds.begin),
    STREAM_IDLE_TIMEOUT: String(deadlineSeconds.idle),
    SHUTDOWN_GRACE: '5',
    STATE_SECRET: 'secret-of-the-simulated-state',
    ROUTES: `chain = ${chain}; either = ${legs.join(' | ')}; plain = ${chain} @ nocontinue; hedged = ${chain} @ hedge`,
  }
}

const keySettings = { API_MASTER_KEY: masterKey, API_KEYS_FILE: join(import.meta.dir, 'client-keys.json') }

function upstreamSettings(name: string, chance: Chance): RawVariables {
  const prefix = `UPSTREAM_${name.toUpperCase()}`
  const keys = Array.from({ length: chance.between(1, 3) }, (_, at) => [`${prefix}_KEY_${at + 1}`, `${name}-key-${at}`])
  return { [`${prefix}_URL`]: `http://${name}.test/v1`, [`${prefix}_MODELS`]: 'm', ...Object.fromEntries(keys) }
}

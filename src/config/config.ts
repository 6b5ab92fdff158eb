import { readTrustedProxies } from '../api/door/client-address.ts'
import type { EmulationMode } from '../gateway/emulated-tools/emulation.ts'
import type { Deadlines } from '../gateway/layers/deadline.ts'
import type { Route } from '../gateway/routes/route-tree.ts'
import type { NotifySettings } from '../notify/target.ts'
import { demo } from '../providers/demo/index.ts'
import type { AvailableCredential, Problem, Upstream } from '../providers/provider.ts'
import type { StatePlace, StateSecrets } from '../state/state-place.ts'
import type { ToolsConfig } from '../tools/server-config.ts'
import type { TracesConfig } from '../traces/traces-config.ts'
import type { OwnPrices } from '../usage/own-prices.ts'
import type { EgressPolicy } from '../wire/egress.ts'
import { configureUpstreams } from './configure-upstreams.ts'
import { Environment } from './environment.ts'
import { mergeKept } from './merge-kept.ts'
import { readAliases } from './read-aliases.ts'
import { readChatModel, readEgress } from './read-chat-server.ts'
import { type Listening, readListening } from './read-listening.ts'
import { type LogSettings, readLog } from './read-log.ts'
import { readNotify } from './read-notify.ts'
import { readPrices } from './read-prices.ts'
import { linkWritten, readRoutes } from './read-routes.ts'
import { readState } from './read-state.ts'
import { readToolLimits, type ToolLoopConfig } from './read-tool-limits.ts'
import { readTools } from './read-tools.ts'
import { readTraces } from './read-traces.ts'
import { reportNoChat, reportNoSummary } from './report-impossible.ts'
import { environmentAlone, type Origins, type Setting } from './setting.ts'
import { settingFactsOf } from './setting-facts.ts'
import type { RawVariables } from './spelled-values.ts'

/** The configuration: all settings, checked. */
export interface Config extends Listening, LogSettings {
  /** Proxies whose `X-Forwarded-For` is trusted: addresses, ranges, `loopback`. */
  readonly trustedProxies: readonly string[]
  readonly maxBodyBytes: number
  readonly deadlines: Deadlines
  readonly keepAliveMs: number
  /** How long new requests are still accepted after `/ready` has announced the stop. */
  readonly shutdownDelayMs: number
  readonly shutdownGraceMs: number
  /** Limit for the calls that run at the same time; without it, the descriptors are the limit. */
  readonly maxStreams?: number
  /** Limit for the calls that wait for others to end. */
  readonly maxQueue: number
  /** How long the upstream's thread of a conversation is remembered. */
  readonly sessionTtlMs: number
  /** How long a session of the chat server is kept after its last message. */
  readonly chatTtlMs: number
  /** Where traces are sent; absent if they are off. */
  readonly traces: TracesConfig | undefined
  /** Where an operator is told what needs somebody. */
  readonly notify: NotifySettings
  readonly upstreams: readonly Upstream[]
  /** What would turn on the upstreams that are off. */
  readonly available: readonly AvailableCredential[]
  /** Models that the gateway adds, and how they are answered. */
  readonly routes: readonly Route[]
  /** Other names of models. */
  readonly aliases: ReadonlyMap<string, string>
  /** Tool servers whose tools the gateway can run for a model. */
  readonly tools: ToolsConfig
  readonly toolLoop: ToolLoopConfig
  /** Where tools and JSON formats are emulated for upstreams that have none. */
  readonly emulateTools: EmulationMode
  /** The hosts where callers of the chat server may use their own models. */
  readonly egress: EgressPolicy
  /** The chat server's model for callers that name none; by default the first model that chats and takes tools. */
  readonly chatModel?: string
  /** The operator's prices. */
  readonly prices: OwnPrices
  /** Where the state is kept. */
  readonly state: StatePlace
  readonly stateSecrets: StateSecrets
  /** Whether requests to upstreams go through a proxy. */
  readonly isProxied: boolean
  /** The file that was read, if any. */
  readonly envFile?: string
  /** The socket on which the service manager is told that the service is ready. */
  readonly notifySocket?: string | undefined
  /** A hash of each variable that is set. It reveals nothing of the value. */
  readonly fingerprints: ReadonlyMap<string, string>
  /** The settings that the operator has set, and where each was set. */
  readonly settings: readonly Setting[]
  /** Probable mistakes that do not prevent a start. */
  readonly warnings: readonly string[]
  /** The variables that providers read, whether they are set or not. */
  readonly upstreamVariables: ReadonlySet<string>
  /**
   * Reads the same variables again, together with those that the state has. A variable that the environment sets wins over the state's.
   * The files that variables name are read again too.
   */
  withKept(kept: RawVariables): Config | Misconfigured
}

/** All problems of the configuration, so that one start shows all of them. */
export interface Misconfigured {
  readonly problems: readonly Problem[]
  readonly upstreamVariables?: ReadonlySet<string>
}

/** Reads the configuration from these variables. */
export function readConfig(
  variables: RawVariables,
  isTerminal: boolean,
  origins: Origins = environmentAlone,
): Config | Misconfigured {
  const read = (set: RawVariables, from: Origins): Config | Misconfigured => {
    const found = readVariables(set, isTerminal, from)
    return 'problems' in found ? found : { ...found, withKept }
  }
  const withKept = (kept: RawVariables) => {
    const merged = mergeKept(kept, variables, origins)
    return read(merged.variables, merged.origins)
  }
  return read(variables, origins)
}

function readVariables(
  variables: RawVariables,
  isTerminal: boolean,
  origins: Origins,
): Omit<Config, 'withKept'> | Misconfigured {
  const environment = new Environment(variables, origins)
  const { upstreams: configured, available, names: upstreamVariables } = configureUpstreams(environment)
  const { state, secrets: stateSecrets, warnings } = readState(environment, configured)
  const upstreams = configured.length > 0 ? configured : [demo]
  const written = readRoutes(environment, upstreams)
  const aliases = readAliases(environment, { upstreams, routes: written.names })
  const routes = linkWritten(environment, written, { upstreams, aliases })
  const listening = readListening(environment, state.isShared)
  const config: Omit<Config, 'withKept'> = {
    ...listening,
    trustedProxies: readProxies(environment),
    maxBodyBytes: environment.integer('MAX_BODY_BYTES', { fallback: 32 * 1024 * 1024, min: 1024, max: 1024 ** 3 }),
    deadlines: readDeadlines(environment),
    keepAliveMs: seconds(environment, 'KEEPALIVE_INTERVAL', 10),
    shutdownDelayMs: environment.integer('SHUTDOWN_DELAY', { fallback: 0, min: 0, max: 3_600 }) * 1000,
    shutdownGraceMs: seconds(environment, 'SHUTDOWN_GRACE', 30),
    ...readCapacity(environment),
    ...readTtls(environment, state),
    ...readLog(environment, { isTerminal, workers: listening.workers }),
    traces: readTraces(environment),
    notify: readNotify(environment),
    ...{ upstreams, available, routes, aliases },
    // read directly, because these two are not settings of the gateway
    tools: readTools(environment, { PATH: variables.PATH, HOME: variables.HOME }),
    toolLoop: readToolLimits(environment),
    emulateTools: environment.choice('EMULATE_TOOLS', ['api', 'all', 'none']) ?? 'api',
    egress: readEgress(environment),
    ...readChatModel(environment),
    prices: readPrices(environment),
    state,
    stateSecrets,
    isProxied: proxyVariables.some((name) => environment.text(name) ?? environment.text(name.toLowerCase())),
    notifySocket: environment.text('NOTIFY_SOCKET'),
    fingerprints: environment.fingerprints(),
    settings: [],
    warnings,
    upstreamVariables,
  }
  reportNoSummary('SUMMARY_MODEL', { environment, upstreams, routes, aliases })
  reportNoChat('CHAT_MODEL', { environment, upstreams, routes, aliases })
  if (environment.problems.length > 0) return { problems: environment.problems, upstreamVariables }
  return { ...config, settings: environment.settings, warnings: warningsOf(environment, config) }
}

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']

function readProxies(environment: Environment): readonly string[] {
  const items = environment.list('TRUSTED_PROXIES') ?? []
  const [wrong] = readTrustedProxies(items).malformed
  if (wrong !== undefined)
    environment.report({
      variable: 'TRUSTED_PROXIES',
      problem: `is not a list of addresses: its item ${items.indexOf(wrong) + 1} is neither an address nor a range`,
      remedy: 'for example loopback, 10.0.0.2, 10.0.0.0/8 or fd00::/8, separated by commas',
    })
  return items
}

/**
 * By default a session of the chat server lasts a month if the state survives a restart, and otherwise as long as an
 * upstream's thread.
 */
function readTtls(environment: Environment, state: StatePlace): Pick<Config, 'sessionTtlMs' | 'chatTtlMs'> {
  const sessionTtlMs = seconds(environment, 'SESSION_CACHE_TTL', 3600)
  const monthSeconds = 30 * 86_400
  const fallback = state.isDurable ? monthSeconds : sessionTtlMs / 1000
  return { sessionTtlMs, chatTtlMs: seconds(environment, 'CHAT_TTL', fallback, 3_650 * 86_400) }
}

function readDeadlines(environment: Environment): Deadlines {
  const isSet = environment.text('API_REQUEST_TIMEOUT') !== undefined
  const firstEventMs = seconds(environment, 'API_REQUEST_TIMEOUT', 180)
  return {
    firstEventMs,
    wholeMs: isSet ? firstEventMs : 600_000,
    idleMs: seconds(environment, 'STREAM_IDLE_TIMEOUT', 120),
  }
}

function readCapacity(environment: Environment): Pick<Config, 'maxStreams' | 'maxQueue'> {
  const maxQueue = environment.integer('MAX_QUEUE', { fallback: 64, min: 0, max: 100_000 })
  if (environment.text('MAX_STREAMS') === undefined) return { maxQueue }
  return { maxQueue, maxStreams: environment.integer('MAX_STREAMS', { fallback: 1, min: 1, max: 1_000_000 }) }
}

/** A duration in whole seconds, as milliseconds. */
function seconds(environment: Environment, name: string, fallback: number, max = 86_400): number {
  return environment.integer(name, { fallback, min: 1, max }) * 1000
}

function warningsOf(environment: Environment, config: Omit<Config, 'withKept'>): string[] {
  const { isOpenToEveryone, hasWeakKey } = settingFactsOf(config)
  const socks = proxyVariables.find((name) =>
    /^socks/i.test(environment.text(name) ?? environment.text(name.toLowerCase()) ?? ''),
  )
  return [
    ...config.warnings,
    ...environment.warnings,
    ...(socks
      ? [
          `${socks} names a SOCKS proxy, which Bun does not support: requests would bypass it, or fail. Use an HTTP proxy.`,
        ]
      : []),
    ...(hasWeakKey ? ['API_MASTER_KEY has a key of fewer than 16 characters, which can be guessed.'] : []),
    ...(isOpenToEveryone
      ? ['Everybody who can reach this address can use your upstreams: ALLOW_UNAUTHENTICATED is set.']
      : []),
  ]
}

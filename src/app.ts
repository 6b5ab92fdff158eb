import type { Restarted } from './api/exchange/services.ts'
import { openServer, type Server } from './api/server.ts'
import { maxFetches } from './bun-settings.ts'
import type { KeptValues } from './config/apply-kept.ts'
import type { Config, Misconfigured } from './config/config.ts'
import { configuredKeys } from './config/keep-administrable.ts'
import { LiveConfig } from './config/live-config.ts'
import { ClientSeals } from './conversations/client-seals.ts'
import { Conversations } from './conversations/conversations.ts'
import { Recordings } from './conversations/recordings.ts'
import { StoredResponses } from './conversations/stored-responses.ts'
import { openCredentials } from './credentials/open-credentials.ts'
import type { Logger } from './flow/call.ts'
import type { Network } from './flow/network.ts'
import type { Runtime } from './flow/runtime.ts'
import type { Tracer } from './flow/span.ts'
import { type CallListeners, combineListeners } from './gateway/call-record.ts'
import { type Gateway, type GatewayOptions, openGateway } from './gateway/gateway.ts'
import { type GatewayObservers, openLasting } from './gateway/lasting.ts'
import { ClientKeys } from './keys/client-keys.ts'
import { Limiter } from './keys/limiter.ts'
import { Metrics, type MetricsOptions } from './metrics/metrics.ts'
import { type NeedSources, Needs } from './needs/needs.ts'
import { type OpenNotifier, openNotifier } from './notify/open-notifier.ts'
import { FallbackStore } from './state/fallback-store.ts'
import { observeStore } from './state/observe-store.ts'
import type { Store } from './state/store.ts'
import { watchStore } from './state/watch-store.ts'
import { observeTools, type ToolRunListener } from './tools/observe-tools.ts'
import { openTools } from './tools/registry.ts'
import type { ToolRegistry } from './tools/tool.ts'
import { Ledger } from './usage/ledger.ts'
import { Prices } from './usage/prices.ts'
import { version } from './version.ts'

/** Through a proxy, the number of fetches that are kept free for requests that are not chats, such as model lists. */
const spareFetches = 192
/** Seconds for which a connection may be idle between requests, or while a request's head arrives. */
const idleSeconds = 30

/** The whole program, which is listening. */
export interface App {
  readonly url: string
  readonly server: Server
  /** Resolves when the client keys and credentials of the state were read, or cannot be. Until then requests may get 503. */
  readonly ready: Promise<void>
  /** Whether it can answer requests now, as far as it depends on this process and its state. */
  isReady(): boolean
  /** A changed one answers later requests, as far as it can change. Running ones go on as they began. */
  readonly configuration: LiveConfig
  /** What needs somebody now. */
  readonly needs: Pick<Needs, 'list'>
  close(): Promise<void>
}

/** What the program needs from its surroundings. */
export interface Surroundings {
  readonly runtime: Runtime
  /** Reads the configuration again, as at the start. */
  readonly read?: (() => Config | Misconfigured) | undefined
  /** The credentials that the state has, if they were read already. */
  readonly kept?: KeptValues
  /** Is told what happens to calls. */
  readonly listeners?: CallListeners
  /** Are told of each run of a tool. */
  readonly toolListeners?: readonly ToolRunListener[]
  /** Makes the spans of requests, if traces are on. */
  readonly tracer?: Tracer
  /** Is told of each changed configuration that is in force. */
  onReconfigured?(config: Config): void
  /** Asks the other processes of `WORKERS` to read the configuration again too. */
  reloadOthers?(): void
  /** The lines of the log that were dropped so far. */
  droppedLines?(): number
  /** The port of another process, which listens there too and is about to leave it to this one. */
  readonly formerPort?: number | undefined
  /** Lets another process take over. */
  readonly restart?: (() => Promise<Restarted>) | undefined
  /** How the process is measured, and the metrics of the other processes of `WORKERS`. */
  readonly metrics?: Pick<MetricsOptions, 'measureProcess' | 'ofAllWorkers'>
  /** Gets the metrics, for the other processes of `WORKERS`. */
  onMetrics?(metrics: Pick<Metrics, 'families'>): void
  /** The name of this machine, for people. */
  hostName?(): Promise<string>
  /** Whether this process tells what needs somebody while the state fails. Of several workers one does. */
  readonly speaksAlone?: boolean
}

/** The upstreams, and how they are asked. */
function modelsOf(config: Config) {
  const { upstreams, available, routes, aliases, deadlines, emulateTools, recordsPrompts, hashesReceipts } = config
  return { upstreams, available, routes, aliases, deadlines, emulateTools, recordsPrompts, hashesReceipts }
}

/** The address, and who may send what to it. */
function listeningOf(config: Config) {
  const { host: hostname, port, keys, trustedProxies, policy, maxBodyBytes, keepAliveMs, egress, chatModel } = config
  return {
    hostname,
    port,
    sharesPort: config.workers > 1,
    trustedProxies,
    policy,
    maxBodyBytes,
    keepAliveMs,
    idleSeconds,
    egress,
    // the master key's callers may do everything
    keys: keys.map((secret) => ({ secret, role: 'admin' }) as const),
    ...(chatModel !== undefined && { chatModel }),
  }
}

/** Puts the rooms together. Closing the app closes the store. @throws when the address cannot be bound */
export function openApp(config: Config, log: Logger, given: Store, { runtime, ...surroundings }: Surroundings): App {
  const shared = { log, runtime, version }
  const isListed = (model: string) => gateways.current.catalog.isKnown(model)
  const { metrics, store, tools } = openObserved(config, { store: given, isListed, surroundings, ...shared })
  const spare = openSpare(config, store, shared)
  const clients = openClients(config, { store, spare, ...shared })
  const configuration = new LiveConfig(config, surroundings.kept ?? {}, {
    ...{ read: surroundings.read, clientKeys: clients.keys, log, runtime },
    reloadOthers: () => surroundings.reloadOthers?.(),
    apply(changed) {
      clients.keys.reconfigure(configuredKeys(changed))
      prices.reconfigure({ upstreams: changed.upstreams, own: changed.prices })
      server.reconfigure({ ...listeningOf(changed), gateway: gateways.replace(changed) })
      notifier.reconfigure(changed.notify)
      surroundings.onReconfigured?.(changed)
    },
  })
  const { inForce } = configuration
  const prices = new Prices({ upstreams: inForce.upstreams, own: inForce.prices })
  const ledger = new Ledger({ store, prices, ...shared })
  const told = toldBy(ledger, metrics, surroundings)
  const gateways = openGateways(inForce, { tools, clients, prices, ...told, store, ...shared })
  const credentials = openCredentials(config, { configuration, gateway: () => gateways.current, store, ...shared })
  const parts = { tools, clients, configuration, gateways, store, runtime }
  const { needs, notifier } = openNeeds(inForce, surroundings, { ...parts, log })
  const server = openServer({
    ...{ ...listeningOf(config), ...takeOver(config, surroundings) },
    ...{ credentials: credentials.admin, clientKeys: clients.keys, gateway: gateways.current },
    ...openMemory(config, spare, runtime),
    ...{ tools, usage: ledger, configuration, needs, metrics, startedAt: runtime.now() },
    ...{ isStateWell: () => store.problem() === undefined, tracer: surroundings.tracer },
    ...{ restart: surroundings.restart, ...shared },
  })
  showMetrics(metrics, surroundings, { ...parts, needs, server })
  const stopWatching = watchStore(store, { log, runtime })
  const closing = [notifier, needs, credentials, gateways, clients, ledger, tools, { close: stopWatching }, spare]
  return {
    ...{ url: server.url, server, configuration, needs },
    ready: Promise.all([clients.ready, credentials.ready]).then(() => undefined),
    isReady: () => store.problem() === undefined && gateways.current.shortage() === undefined,
    async close() {
      await server.stop(config.shutdownGraceMs, config.shutdownDelayMs)
      // one after the other, because the last ones are used by the first
      for (const part of closing) await part.close()
    },
  }
}

/** A former process listens on the port, unless the operator has chosen another one since. */
function takeOver({ port }: Config, { formerPort }: Pick<Surroundings, 'formerPort'>) {
  if (formerPort === undefined) return {}
  return { port: port === 0 ? formerPort : port, sharesPort: port === 0 || port === formerPort }
}

interface ObservedOptions {
  readonly store: Store
  readonly isListed: MetricsOptions['isListed']
  readonly surroundings: Pick<Surroundings, 'toolListeners' | 'metrics'>
  readonly log: Logger
  readonly runtime: Runtime
}

/** Opens the metrics, and the store and the tools, which tell them and others of what they do. */
function openObserved(config: Config, { store, isListed, surroundings, ...shared }: ObservedOptions) {
  const { toolListeners = [] } = surroundings
  const { runtime } = shared
  const metrics = new Metrics({ isListed, ...surroundings.metrics, runtime })
  const tools = openTools(config.tools, { ...shared, version })
  return {
    metrics,
    store: observeStore(store, { onOperation: metrics.parts.onStoreOperation, runtime }),
    tools: observeTools(tools, [metrics.parts.onToolRun, ...toolListeners]),
  }
}

interface ShownParts extends Omit<NeedParts, 'log'> {
  readonly needs: Needs
  readonly server: Server
  readonly runtime: Runtime
}

/** Has the metrics show the state of these parts. */
function showMetrics(
  metrics: Metrics,
  surroundings: Omit<Surroundings, 'runtime'>,
  { server, gateways, ...parts }: ShownParts,
): void {
  metrics.show({
    ...parts,
    version,
    gateway: () => gateways.current,
    openAnswers: () => server.openAnswers(),
    droppedLines: () => surroundings.droppedLines?.() ?? 0,
  })
  surroundings.onMetrics?.(metrics)
}

interface NeedParts extends Pick<NeedSources, 'tools'> {
  readonly configuration: LiveConfig
  readonly clients: ReturnType<typeof openClients>
  readonly gateways: ReturnType<typeof openGateways>
  readonly store: Store
  readonly log: Logger
  readonly runtime: Runtime
}

type NeedSurroundings = Pick<Surroundings, 'droppedLines' | 'hostName' | 'speaksAlone'>

/** Opens what finds out what needs somebody, and what tells it to an operator. */
function openNeeds(
  { notify }: Config,
  { droppedLines, hostName = async () => 'this machine', speaksAlone = true }: NeedSurroundings,
  { clients, gateways, log, ...parts }: NeedParts,
): { readonly needs: Needs; readonly notifier: OpenNotifier } {
  const needs = new Needs({
    ...parts,
    gateway: () => gateways.current,
    droppedLines: () => droppedLines?.() ?? 0,
    clientKeys: clients.keys,
    limiter: clients.limiter,
  })
  const { store, runtime } = parts
  return { needs, notifier: openNotifier(notify, { needs, store, hostName, speaksAlone, log, runtime }) }
}

interface GatewayParts {
  readonly tools: ToolRegistry
  readonly clients: ReturnType<typeof openClients>
  readonly prices: Prices
  readonly listeners: CallListeners
  readonly observers: GatewayObservers
  readonly store: Store
  readonly log: Logger
  readonly runtime: Runtime
}

/** Milliseconds between two looks whether the calls of a former gateway have ended. */
const lookMs = 1_000

/** Opens the gateway, and another one when the configuration changes. The former one is closed when its calls have ended. */
function openGateways(config: Config, { tools, clients, prices, listeners, observers, ...shared }: GatewayParts) {
  const { runtime } = shared
  const costs = costsBy(prices, runtime)
  const { isShared } = config.state
  const lasting = openLasting({ isShared, observers, ...capacityOf(config, runtime), ...costs, ...shared })
  const open = (current: Config) =>
    openGateway({
      tools: { registry: tools, ...current.toolLoop },
      ...modelsOf(current),
      lasting,
      threadTtlMs: config.sessionTtlMs,
      limiter: clients.limiter,
      ...costs,
      ...listeners,
      ...shared,
    })
  let current = open(config)
  const former = new Set<Gateway>()
  const closeIdle = () => {
    for (const gateway of former) {
      if (gateway.runningCalls() > 0) continue
      gateway.close()
      former.delete(gateway)
    }
    if (former.size > 0) timer.feed(lookMs)
  }
  const timer = runtime.timers.set(lookMs, closeIdle, { isBackground: true })
  timer.stop()
  return {
    get current() {
      return current
    },
    replace(changed: Config): Gateway {
      former.add(current)
      current = open(changed)
      lasting.capacity.resize(capacityOf(changed, runtime))
      timer.feed(lookMs)
      return current
    },
    close() {
      timer.stop()
      for (const gateway of [...former, current]) gateway.close()
    },
  }
}

interface ClientsOptions {
  readonly store: Store
  /** Also counts while the store fails. */
  readonly spare: Store
  readonly log: Logger
  readonly runtime: Runtime
}

/** Opens the client keys that have a name, and what keeps them within their limits. */
function openClients(config: Config, { store, spare, log, runtime }: ClientsOptions) {
  const { state } = config
  const clientKeys = new ClientKeys({ ...configuredKeys(config), isStoreNew: !state.isDurable, store, log, runtime })
  const shared = state.isShared ? { store, processId: runtime.newId() } : undefined
  const limiter = new Limiter({ store: spare, shared, log, runtime })
  clientKeys.watch((known) => limiter.keep(known.map(({ caller }) => caller)))
  const ready = clientKeys.follow()
  return {
    keys: clientKeys,
    limiter,
    ready,
    async close() {
      clientKeys.close()
      await limiter.flush()
    },
  }
}

/** What answers cost at the moment. */
function costsBy(prices: Prices, runtime: Runtime): Pick<GatewayOptions, 'costOf'> {
  return {
    costOf: ({ upstream, model, usage }) => prices.costOf({ upstream, model, usage, at: runtime.now() }),
  }
}

/** Who is told by the gateways. */
function toldBy(ledger: Ledger, metrics: Metrics, { listeners = {} }: Pick<Surroundings, 'listeners'>) {
  const all = [ledgerListeners(ledger), metrics.listeners, listeners]
  return { listeners: combineListeners(all), observers: metrics.parts }
}

/** What the ledger is told by the gateway. */
function ledgerListeners(ledger: Ledger): CallListeners {
  return {
    onAnswer: (answer, { caller }) => ledger.addAnswer(caller, answer),
    onCallEnd: ({ call, ending }) => ledger.addCall(call, ending),
  }
}

/** Opens the store that keeps what cannot be written now. */
function openSpare(
  { state }: Config,
  store: Store,
  { log, runtime }: { readonly log: Logger; readonly runtime: Runtime },
): FallbackStore {
  const onDropped = (key: string) =>
    log.warn({ key }, 'a value is lost: it could not be written, and another process has written a newer one')
  return new FallbackStore(store, runtime, state.isShared ? { shared: { onDropped } } : {})
}

/** Opens what clients may refer to in a later request. */
function openMemory({ chatTtlMs: ttlMs, stateSecrets: { secret, previous } }: Config, store: Store, runtime: Runtime) {
  return {
    conversations: new Conversations({ store, ttlMs, runtime }),
    responses: new StoredResponses({ store, ttlMs, timers: runtime.timers }),
    recordings: new Recordings({ store, ttlMs, runtime }),
    seals: new ClientSeals({ store, secret, previous, runtime }),
  }
}

function capacityOf({ maxStreams = Number.MAX_SAFE_INTEGER, maxQueue }: Config, { network }: Runtime) {
  return { maxCalls: Math.min(maxStreams, callsWithin(network)), maxWaiting: maxQueue }
}

/**
 * How many calls can run at once: each needs a connection to its client and one to its upstream. The memory sets another
 * limit, which is looked at when a call begins.
 */
function callsWithin(network: Network): number {
  const most = network.fetchByProxy ? maxFetches - spareFetches : Number.MAX_SAFE_INTEGER
  return Math.max(1, Math.min(most, Math.floor(network.maxConnections() / 2)))
}

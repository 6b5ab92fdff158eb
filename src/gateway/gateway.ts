import { openPool } from '../accounts/open-pool.ts'
import type { Pool } from '../accounts/pool.ts'
import { takesTools } from '../chat/model.ts'
import { withModel } from '../chat/request.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Chat } from '../flow/chat.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Upstream } from '../providers/provider.ts'
import type { Store } from '../state/store.ts'
import { Catalog } from './catalog.ts'
import { balance } from './combine/balance.ts'
import { type FanMember, fanOut } from './combine/fan-out.ts'
import { RecentFailures } from './combine/recent-failures.ts'
import { countTokens } from './count-tokens.ts'
import { type DirectTools, directTools } from './direct-tools.ts'
import { Emulation, type EmulationMode, emulatedSupport, preferNative } from './emulated-tools/emulation.ts'
import { emulateTools } from './emulated-tools/layer.ts'
import { type Examiner, openExaminer } from './examiner.ts'
import { type GatewayStatus, statusOf } from './inspect.ts'
import type { Candidate, Member } from './known-models.ts'
import { account, type WithAccount } from './layers/account.ts'
import { bindExtra } from './layers/bind-extra.ts'
import { callExtra } from './layers/call-extra.ts'
import { choices } from './layers/choices.ts'
import { type Deadlines, deadline } from './layers/deadline.ts'
import { estimate } from './layers/estimate.ts'
import { limit } from './layers/limit.ts'
import { observe } from './layers/observe.ts'
import { pace } from './layers/pace.ts'
import { retry } from './layers/retry.ts'
import { RetryBudget } from './layers/retry-budget.ts'
import { support } from './layers/support.ts'
import { thread } from './layers/thread.ts'
import type { Panel, PanelMember } from './panel.ts'
import { Permits } from './permits.ts'
import { route } from './route.ts'
import { SpareMemory } from './spare-memory.ts'
import { buildTasks, openTasks, type Tasks } from './tasks.ts'
import { type ToolChat, toolChat } from './tool-chat.ts'
import { tightestBounds } from './tool-loop/fit-tools.ts'
import { type BoundsFor, type ToolLoopOptions, toolLoop } from './tool-loop/layer.ts'
import type { UpstreamParts } from './upstream-parts.ts'

export interface GatewayOptions {
  readonly upstreams: readonly Upstream[]
  /** Virtual models that several upstreams answer together. */
  readonly panels?: readonly Panel[]
  /** The models of other names. */
  readonly aliases?: ReadonlyMap<string, string>
  readonly deadlines: Deadlines
  /** Stores accounts and threads. */
  readonly store: Store
  /** Milliseconds for which the thread of a conversation, and what an upstream said of its calls, is remembered. */
  readonly threadTtlMs: number
  /** Where tools and JSON formats are emulated; `api` by default. */
  readonly emulateTools?: EmulationMode
  /** The tools that clients may use. Without them, a request for tools is sent to the upstream unchanged. */
  readonly tools?: ToolLoopOptions
  /** Limit for the calls that run at the same time. */
  readonly maxCalls: number
  readonly log: Logger
  readonly runtime: Runtime
}

/** Everything between a decoded request and the upstreams. */
export interface Gateway extends Tasks {
  readonly chat: Chat
  /** The chat for a surface that shows the tools while they run. */
  readonly toolChat: ToolChat
  /** The tools for clients that call them themselves. */
  readonly tools: DirectTools | undefined
  readonly catalog: Catalog<Member>
  /** Tests accounts for the operator. */
  readonly examiner: Examiner
  /** Shows the current upstreams with their accounts and budgets, and the running calls. */
  inspect(): GatewayStatus
  /** The accounts of an upstream, which can be added and removed. */
  pool(upstream: string): Pool | undefined
  /** The name of the upstream with this base URL, in any spelling. */
  upstreamAt(baseUrl: string): string | undefined
  close(): void
}

/** Limit for the milliseconds of one test of an account. */
const maxTestMs = 60_000

/**
 * Puts the layers together: `observe → limit → tool loop → route → bind extra → call extra → support → estimate → deadline → choices → retry →
 * thread → account → emulated tools → pace → upstream`.
 */
export function openGateway(options: GatewayOptions): Gateway {
  const { upstreams, panels = [], aliases, store, tools, maxCalls, log, runtime } = options
  const lacksTools = (candidate: Candidate) => catalog.modelOf(candidate).takesTools === false
  const chains = upstreams.map((upstream) => buildChain(upstream, { ...options, lacksTools }))
  const catalog: Catalog<UpstreamParts> = new Catalog(chains, { log, runtime, panels, ...(aliases && { aliases }) })
  const failures = new RecentFailures(() => runtime.elapsed())
  const combine = balance(failures)
  const routed = route(catalog, { combine, askOf: ({ chat }) => chat, withModel, select: preferNative })
  const panelChat = withPanels(panels, routed)
  const wrapOwn = (own: Chat) => estimate(countTokens)(deadline(options.deadlines)(own))
  const boundsFor = boundsIn(catalog, panels)
  const offers = { takesTools: toolTakers(catalog, panels), boundsFor }
  const showing = toolChat({ chat: panelChat, wrapOwn, tools, ...offers, runtime })
  const permits = new Permits(maxCalls)
  const limited = limit(permits, new SpareMemory(runtime))
  const observed = observe()
  return {
    chat: observed(limited(tools ? toolLoop(tools, boundsFor)(panelChat) : panelChat)),
    toolChat: (request, call, wishes) =>
      observed(limited((...asking: Parameters<Chat>) => showing(...asking, wishes)))(request, call),
    ...openTasks(catalog, { upstreams, combine, admit: (ask) => observed(limited(ask)) }),
    tools: tools && directTools(tools, limited),
    catalog,
    examiner: openExaminer(chains, {
      store,
      log,
      runtime,
      deadlineMs: Math.min(maxTestMs, options.deadlines.firstEventMs),
    }),
    inspect: () => ({
      calls: { running: permits.taken, permits: permits.max },
      upstreams: chains.map((chain) => statusOf(chain, { models: catalog.status(chain.upstream.name), failures })),
    }),
    pool: (name) => chains.find(({ upstream }) => upstream.name === name)?.pool,
    upstreamAt: (baseUrl) =>
      upstreams.find((upstream) => upstream.baseUrl !== undefined && isSameUrl(upstream.baseUrl, baseUrl))?.name,
    close() {
      catalog.close()
      for (const { pool } of chains) pool.close()
    },
  }
}

function isSameUrl(a: string, b: string): boolean {
  const plain = (text: string) => URL.parse(text)?.href.replace(/\/+$/, '')
  return plain(a) !== undefined && plain(a) === plain(b)
}

/** Finds the limits for tools of all upstreams that may serve a model, or a member of a panel. */
function boundsIn(catalog: Catalog<UpstreamParts>, panels: readonly Panel[]): BoundsFor {
  return async (model, signal) => {
    const members = panels.find(({ name }) => name === model)?.members ?? [{ address: model }]
    const served = await Promise.all(members.map(({ address }) => catalog.route(address, signal)))
    return tightestBounds(served.flat().map(({ member }) => member.upstream.support.toolBounds))
  }
}

/** Tells whether all upstreams that may serve a model can be offered tools, their own or emulated ones. */
function toolTakers(catalog: Catalog<UpstreamParts>, panels: readonly Panel[]) {
  return async (model: string, signal: Cancel): Promise<boolean> => {
    // each member of a panel would call its own tools
    if (panels.some(({ name }) => name === model)) return false
    const served = await catalog.route(model, signal)
    return served.every((candidate) => {
      const { upstream, emulation } = candidate.member
      return emulation.isAllowed || takesTools(upstream.support, catalog.modelOf(candidate))
    })
  }
}

interface ChainOptions extends GatewayOptions {
  /** Whether the upstream says that a model calls no tools. */
  lacksTools(candidate: Candidate): boolean
}

/** Builds the layers around one upstream. */
function buildChain(
  upstream: Upstream,
  { deadlines, store, threadTtlMs, emulateTools: mode = 'api', lacksTools, log, runtime }: ChainOptions,
): UpstreamParts {
  const { name, support: offered } = upstream
  const pool = openPool(upstream, { store, log, runtime })
  const emulation = new Emulation(upstream, {
    mode,
    runtime,
    lacksTools: (model) => lacksTools({ member: { upstream, pool }, model }),
  })
  const [budget, permits] = [new RetryBudget(runtime), new Permits()]
  const askUpstream: Chat<WithAccount> = (request, call) => upstream.chat(request, call)
  const paced = pace(name, upstream.maxRpm)(askUpstream)
  const withEmulation = emulation.isAllowed ? emulateTools(emulation, name)(paced) : paced
  const withAccounts = account(pool, name)(withEmulation)
  const withThreads = upstream.keepsThreads
    ? thread({ store, upstream: name, ttlMs: threadTtlMs })(withAccounts)
    : withAccounts
  const withRetry = retry(budget)(withThreads)
  const withDeadline = deadline(deadlines)(choices(offered)(withRetry))
  const estimated = estimate(countTokens)(withDeadline)
  const remedy = upstream.isWebProduct && mode === 'api' ? ' EMULATE_TOOLS=all emulates tools here too.' : ''
  const plain = support(name, offered, remedy)(estimated)
  const emulated = emulation.isAllowed ? support(name, emulatedSupport(offered))(estimated) : plain
  const supported: Chat = (request, call) => (request.emulate === false ? plain : emulated)(request, call)
  const chat = callExtra({ store, upstream: name, support: offered, ttlMs: threadTtlMs })(supported)
  const limited = limit(permits)
  const tasks = buildTasks(upstream, { pool, budget, permits, deadlines })
  return { upstream, pool, budget, permits, emulation, chat: limited(bindExtra(name)(chat)), tasks }
}

/** Sends a request for a panel to all its members, and any other request to the router. */
function withPanels(panels: readonly Panel[], routed: Chat): Chat {
  if (panels.length === 0) return routed
  const fans = new Map(
    panels.map(({ name, members }) => [name, fanOut(members.map((member) => memberOf(member, routed)))]),
  )
  return (request, call) => (fans.get(request.model) ?? routed)(request, call)
}

function memberOf({ title, address, defaults }: PanelMember, routed: Chat): FanMember {
  return {
    title,
    chat: (request, call) =>
      routed({ ...request, model: address, parameters: { ...defaults, ...request.parameters } }, call),
  }
}

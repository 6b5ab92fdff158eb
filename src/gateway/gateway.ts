import type { Pool } from '../accounts/pool.ts'
import type { Caller } from '../chat/caller.ts'
import type { ChatEvent } from '../chat/event.ts'
import { takesTools } from '../chat/model.ts'
import { type ChatRequest, withModel } from '../chat/request.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Chat, Layer } from '../flow/chat.ts'
import type { BudgetUse, LimitsLeft } from '../keys/key-meter.ts'
import type { Limiter } from '../keys/limiter.ts'
import type { AvailableCredential, Upstream } from '../providers/provider.ts'
import { countForLimits, openAdmission } from './admission.ts'
import { type AttemptListener, type CallListener, combineListeners } from './call-record.ts'
import type { Shortage } from './capacity.ts'
import { Catalog } from './catalog.ts'
import { buildChain, type ChainSettings } from './chain.ts'
import { fanOut } from './combine/fan-out.ts'
import { continuation } from './continuation/layer.ts'
import type { CostOf } from './cost-of.ts'
import { countTokens } from './count-tokens.ts'
import { type DirectTools, directTools } from './direct-tools.ts'
import type { DriftLog } from './drift-log.ts'
import { type Examiner, openExaminer } from './examiner.ts'
import { type GatewayStatus, inspect } from './inspect.ts'
import type { Candidate, Member } from './known-models.ts'
import type { Lasting } from './lasting.ts'
import { admit as admitWithin } from './layers/admit.ts'
import { deadline } from './layers/deadline.ts'
import { estimate } from './layers/estimate.ts'
import { observe } from './layers/observe.ts'
import type { RecentRequests } from './requests/recent-requests.ts'
import type { LastHour } from './requests/statistics.ts'
import { type RouteOptions, route } from './route.ts'
import type { RouteIndex } from './routes/route-index.ts'
import { hasPanel, type Route } from './routes/route-tree.ts'
import { openRouting } from './routing.ts'
import { openTasks, type Tasks } from './tasks.ts'
import { type ToolChat, toolChat } from './tool-chat.ts'
import { tightestBounds } from './tool-loop/fit-tools.ts'
import { type BoundsFor, type ToolLoopOptions, toolLoop } from './tool-loop/layer.ts'
import type { UpstreamParts } from './upstream-parts.ts'

export interface GatewayOptions extends ChainSettings {
  readonly upstreams: readonly Upstream[]
  /** What would turn on upstreams that are off, to show to the operator. */
  readonly available?: readonly AvailableCredential[]
  /** Models that the gateway adds, and how they are answered. */
  readonly routes?: readonly Route[]
  /** The models of other names. */
  readonly aliases?: ReadonlyMap<string, string>
  /** The tools that clients may use. Without them, a request for tools is sent to the upstream unchanged. */
  readonly tools?: ToolLoopOptions
  readonly lasting: Lasting
  /** Keeps callers within their limits. */
  readonly limiter?: Limiter
  /** The prices of answers; without it none is known. */
  readonly costOf?: CostOf | undefined
  /** Whether the texts of chats are kept with the last requests. */
  readonly recordsPrompts?: boolean
  /** Whether what upstreams are asked and answer is hashed. */
  readonly hashesReceipts?: boolean
  /** Gets what is known of each call when it has ended. */
  readonly onCallEnd?: CallListener | undefined
  /** Gets each attempt at its end. */
  readonly onAttempt?: AttemptListener | undefined
}

/** Everything between a decoded request and the upstreams. */
export interface Gateway extends Tasks {
  readonly chat: Chat
  /** The chat for a surface that shows the tools while they run. */
  readonly toolChat: ToolChat
  /** The tools for clients that call them themselves. */
  readonly tools: DirectTools | undefined
  readonly catalog: Catalog<Member>
  /** What is left of a caller's limits of a minute; undefined if it has none. */
  limitsLeft(caller: Caller): LimitsLeft | undefined
  /** What was spent of a caller's budget; undefined if it has none. */
  budgetUse(caller: Caller): Promise<BudgetUse | undefined>
  /** Tests accounts for the operator. */
  readonly examiner: Examiner
  /** Why no further call may begin now; undefined if one may. */
  shortage(): Shortage | undefined
  /** The calls that were refused since the start, by what there was too little of. */
  readonly shed: Readonly<Record<Shortage, number>>
  /** The calls that its upstreams answer now. */
  runningCalls(): number
  /** Shows the current upstreams with their accounts and budgets, and the running calls. */
  inspect(): GatewayStatus
  /** The last requests, for the operator. */
  readonly requests: RecentRequests
  readonly recordsPrompts: boolean
  /** Counts the requests of the last hour. */
  lastHour(): LastHour
  /** What the upstreams have sent otherwise than their adapters know it. */
  readonly drifts: DriftLog
  /** The accounts of an upstream, which can be added and removed. */
  pool(upstream: string): Pool | undefined
  /** The name of the upstream with this base URL, in any spelling. */
  upstreamAt(baseUrl: string): string | undefined
  close(): void
}

/** Limit for the milliseconds of one test of an account. */
const maxTestMs = 60_000

/** Puts the layers together: `observe → own models → caller limits → admit → prompt cache → tool loop → continuation → route → chain`, one chain for each upstream. */
export function openGateway(options: GatewayOptions): Gateway {
  const { upstreams, routes = [], aliases, store, lasting, tools, limiter, costOf, log, runtime } = options
  const { capacity, requests, statistics, drifts, promptCache: cached } = lasting
  const onAnswer = countForLimits(options)
  const modelOf = (candidate: Candidate) => catalog.modelOf(candidate)
  const around = { ...options, ...lasting, onAnswer, onAttempt: attemptListener(options), modelOf }
  const chains = upstreams.map((upstream) => buildChain(upstream, around))
  const catalog: Catalog<UpstreamParts> = new Catalog(chains, { log, runtime, routes, ...(aliases && { aliases }) })
  const routing = openRouting(catalog, { routes, runtime })
  const continued = continuation({ deadlines: options.deadlines, countTokens })
  const routed = continued(route(routing, chatRoutes(continued)))
  // a caller pays for its own endpoint itself, so nothing is counted
  const wrapOwn = (own: Chat) =>
    estimate({ countTokens, upstream: 'model_config', costOf })(deadline(options.deadlines)(own))
  const boundsFor = boundsIn(routing.routes)
  const offers = { takesTools: toolTakers(catalog, routing.routes), boundsFor }
  const showing = toolChat({ chat: routed, wrapOwn, tools, ...offers, runtime })
  const admit = openAdmission({ catalog, routes, limiter, costOf, limited: admitWithin(capacity) })
  const observed = observeFor(options)
  return {
    chat: observed(admit.chat(cached(tools ? toolLoop(tools, boundsFor)(routed) : routed))),
    toolChat: (request, call, wishes) => {
      const admitted = wishes.own ? admit.ownChat : admit.chat
      return observed(admitted(cached((...asking: Parameters<Chat>) => showing(...asking, wishes))))(request, call)
    },
    ...openTasks(routing, { upstreams, admit: (ask) => observed(admit.task(ask)) }),
    tools: tools && directTools(tools, admit.tool),
    catalog,
    requests,
    drifts,
    recordsPrompts: options.recordsPrompts ?? false,
    lastHour: () => statistics.lastHour(),
    limitsLeft: (caller) => limiter?.left(caller),
    budgetUse: async (caller) => limiter?.budgetUse(caller),
    examiner: openExaminer(chains, { catalog, store, drifts, log, runtime, deadlineMs: testMs(options) }),
    ...{ shortage: () => capacity.shortage(), shed: capacity.shed },
    runningCalls: () => chains.reduce((sum, { permits }) => sum + permits.taken, 0),
    inspect: () => inspect({ ...lasting, available: options.available ?? [], chains, catalog }),
    pool: (name) => chains.find(({ upstream }) => upstream.name === name)?.pool,
    upstreamAt: (baseUrl) => upstreams.find(({ baseUrl: own }) => own !== undefined && isSameUrl(own, baseUrl))?.name,
    close() {
      catalog.close()
      for (const chain of chains) chain.close()
    },
  }
}

function attemptListener({ lasting: { statistics }, onAttempt }: GatewayOptions) {
  return combineListeners([{ onAttempt: statistics.noteAttempt }, { onAttempt }]).onAttempt
}

function observeFor({ lasting: { requests }, onCallEnd, recordsPrompts = false, hashesReceipts }: GatewayOptions) {
  requests.keepTexts(recordsPrompts)
  const { onCallEnd: listener } = combineListeners([{ onCallEnd: requests.note }, { onCallEnd }])
  return observe(listener, { recordsTexts: recordsPrompts, hashes: hashesReceipts ?? false })
}

function testMs({ deadlines }: ChainSettings): number {
  return Math.min(maxTestMs, deadlines.firstEventMs)
}

function isSameUrl(a: string, b: string): boolean {
  const plain = (text: string) => URL.parse(text)?.href.replace(/\/+$/, '')
  return plain(a) !== undefined && plain(a) === plain(b)
}

/**
 * How chats are routed. An upstream that needs emulation for a request is asked only if no other can be, and each member of a panel is
 * continued by itself.
 */
function chatRoutes(continued: Layer): RouteOptions<ChatRequest, ChatEvent> {
  return {
    askOf: ({ chat }) => chat,
    withModel: withDefaults,
    prefers: ({ member, model }, request) => !member.emulation.isNeeded(request, model),
    // a tool call would be made twice, and an answer that broke off has no place for two
    mayHedge: ({ parameters, wishes, broken }) => !parameters.tools?.length && !broken && wishes?.hedge !== false,
    fan: (members) => fanOut(members.map(({ title, chat }) => ({ title, chat: continued(chat) }))),
  }
}

/** Finds the limits for tools of all upstreams that may serve a model, or a member of a route. */
function boundsIn(routes: RouteIndex): BoundsFor {
  return async (model, signal) => {
    const served = await routes.servedBy(model, signal)
    return tightestBounds(served.map(({ member }) => member.upstream.support.toolBounds))
  }
}

/** Tells whether all upstreams that may serve a model can be offered tools, their own or emulated ones. */
function toolTakers(catalog: Catalog<UpstreamParts>, routes: RouteIndex) {
  return async (model: string, signal: Cancel): Promise<boolean> => {
    const tree = routes.find(model)
    // each member of a panel would call its own tools
    if (tree && hasPanel(tree)) return false
    const served = await routes.servedBy(model, signal)
    return served.every((candidate) => {
      const { upstream, emulation } = candidate.member
      return emulation.isAllowed || takesTools(upstream.support, catalog.modelOf(candidate))
    })
  }
}

/** @param defaults parameters that are used if the client does not send them */
function withDefaults(request: ChatRequest, model: string, defaults?: ChatRequest['parameters']): ChatRequest {
  if (!defaults) return withModel(request, model)
  return { ...request, model, parameters: { ...defaults, ...request.parameters } }
}

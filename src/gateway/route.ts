import { ChatError } from '../chat/error.ts'
import type { Parameters } from '../chat/request.ts'
import { excerpt } from '../chat/secret.ts'
import type { AnyEvent } from '../flow/begin.ts'
import type { Call } from '../flow/call.ts'
import type { Ask } from '../flow/chat.ts'
import { defer } from '../flow/defer.ts'
import { type Flow, failedFlow } from '../flow/flow.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Catalog } from './catalog.ts'
import { type AskAgain, hedgedTries } from './combine/hedge.ts'
import { HedgeBudget } from './combine/hedge-budget.ts'
import { measure } from './combine/measure.ts'
import { ResponseTimes } from './combine/response-times.ts'
import { type OpenTry, tryInOrder } from './combine/try-in-order.ts'
import type { Candidate } from './known-models.ts'
import { type CandidateLeg, type Leg, type LegSource, type Legs, legsOf } from './routes/legs.ts'
import { rivalOf } from './routes/rival.ts'
import { type FindCandidates, RouteIndex } from './routes/route-index.ts'
import { hasPanel, modelsOf, type Route, type RouteNode } from './routes/route-tree.ts'
import type { UpstreamParts } from './upstream-parts.ts'

/** The upstreams that can answer a request, each with its own name for the model. */
type Candidates = readonly Candidate<UpstreamParts>[]

/** What the routers of chats and of tasks share. */
export interface Routing {
  readonly catalog: Catalog<UpstreamParts>
  readonly routes: RouteIndex
  readonly times: ResponseTimes
  readonly hedges: HedgeBudget
  readonly runtime: Pick<Runtime, 'elapsed' | 'random'>
}

interface RoutingOptions extends Pick<Routing, 'runtime'> {
  readonly routes: readonly Route[]
}

export function openRouting(catalog: Catalog<UpstreamParts>, { routes, runtime }: RoutingOptions): Routing {
  const times = new ResponseTimes(() => runtime.elapsed())
  return { catalog, routes: new RouteIndex(routes, catalog), times, hedges: new HedgeBudget(), runtime }
}

export interface RouteOptions<Request, Event> {
  /** What a request of this kind is sent to. */
  askOf(parts: UpstreamParts): Ask<Request, Event>
  /** Returns the same request with the upstream's own name of the model. */
  withModel(request: Request, model: string, defaults?: Parameters): Request
  /** Whether a candidate serves a request; without it, all of them do. */
  serves?(candidate: Candidate<UpstreamParts>, request: Request): boolean
  /** @param candidates those of the model, none of which serves the request */
  noneServes?(candidates: Candidates, request: Request): ChatError
  /** Whether a candidate is better for a request than those for which this is false. */
  prefers?(candidate: Candidate<UpstreamParts>, request: Request): boolean
  /** Whether a request may be sent to two upstreams; without it, none may. */
  mayHedge?(request: Request): boolean
  /** Asks several at once. Without it, panels cannot be asked. */
  fan?(members: readonly AskedMember<Request, Event>[]): Ask<Request, Event>
}

/** One of those that a panel asks. */
interface AskedMember<Request, Event> {
  /** The text of its header. */
  readonly title: string
  readonly chat: Ask<Request, Event>
}

/** Finds the upstreams for the model or the route, and asks them with their own name of the model. */
export function route<Request extends { readonly model: string }, Event extends AnyEvent>(
  routing: Routing,
  options: RouteOptions<Request, Event>,
): Ask<Request, Event> {
  const router: Router<Request, Event> = { routing, options }
  const { catalog, routes } = routing
  const askNow = (request: Request, call: Call): Flow<Event> | undefined => {
    const tree = routes.find(request.model)
    if (tree) {
      const find = routes.candidatesNow(tree)
      return find && askRoute(router, { tree, find }, request, call)
    }
    const candidates = catalog.routeNow(request.model)
    return candidates && askModel(router, candidates, request, call)
  }
  return (request, call) => {
    try {
      const answer = askNow(request, call)
      if (answer) return answer
    } catch (thrown) {
      // the layers around this one observe the failure of a flow
      return failedFlow(thrown)
    }
    return defer(async ({ signal }) => {
      const tree = routes.find(request.model)
      if (!tree) return askModel(router, await catalog.route(request.model, signal), request, call)
      return askRoute(router, { tree, find: await routes.candidates(tree, signal) }, request, call)
    }, call.signal)
  }
}

interface Router<Request, Event> {
  readonly routing: Routing
  readonly options: RouteOptions<Request, Event>
}

/** A route whose members have been looked up. */
interface ResolvedRoute {
  readonly tree: RouteNode
  readonly find: FindCandidates
}

/** Asks for a model without a route. */
function askModel<Request extends { readonly model: string }, Event extends AnyEvent>(
  router: Router<Request, Event>,
  candidates: Candidates,
  request: Request,
  call: Call,
): Flow<Event> {
  const { serves, askOf, withModel } = router.options
  const [only] = candidates
  if (!only || candidates.length > 1 || serves?.(only, request) === false)
    return askRoute(router, { tree: { kind: 'model', name: request.model }, find: () => candidates }, request, call)
  return askOf(only.member)(only.model === request.model ? request : withModel(request, only.model), call)
}

function askRoute<Request extends { readonly model: string }, Event extends AnyEvent>(
  router: Router<Request, Event>,
  found: ResolvedRoute,
  request: Request,
  call: Call,
): Flow<Event> {
  const [first, ...others] = legsOf(found.tree, sourceFor(router, found, { request, call }))
  if (!first) throw nothingToAsk(router, found, request)
  return askLegs(router, [first, ...others], request, call)
}

function sourceFor<Request extends { readonly model: string }, Event extends AnyEvent>(
  { routing, options }: Router<Request, Event>,
  { find }: ResolvedRoute,
  { request, call }: { readonly request: Request; readonly call: Call },
): LegSource {
  const { times, runtime } = routing
  return {
    candidatesOf: find,
    accepts: (candidate) => options.serves?.(candidate, request) ?? true,
    prefers: (candidate) => options.prefers?.(candidate, request) ?? true,
    hasPanels: options.fan !== undefined,
    cacheHome: call.cacheHome,
    timesOf: (candidate) => times.of(candidate),
    random: () => runtime.random(),
  }
}

function askLegs<Request extends { readonly model: string }, Event extends AnyEvent>(
  router: Router<Request, Event>,
  [first, ...others]: Legs,
  request: Request,
  call: Call,
): Flow<Event> {
  if (others.length === 0) return askLeg(router, first, request, call)
  const asking =
    (leg: Leg): AskAgain<Event> =>
    (ownCall) =>
      askLeg(router, leg, request, ownCall)
  const opening =
    (leg: Leg): OpenTry<Event> =>
    () =>
      askLeg(router, leg, request, call)
  const rival = router.options.mayHedge?.(request) ? rivalOf(first, others) : undefined
  if (!rival) return tryInOrder([opening(first), ...others.map(opening)], call)
  const pair = { first: asking(first), second: asking(rival), delayMs: first.times.almostAllMs }
  const hedged = hedgedTries({ ...pair, budget: router.routing.hedges }, call)
  return tryInOrder([...hedged, ...others.filter((leg) => leg !== rival).map(opening)], call)
}

function askLeg<Request extends { readonly model: string }, Event extends AnyEvent>(
  router: Router<Request, Event>,
  leg: Leg,
  request: Request,
  call: Call,
): Flow<Event> {
  if ('candidate' in leg) return askCandidate(router, leg, request, call)
  const members = leg.panel.map(({ title, legs }) => ({
    title,
    chat: (asked: Request, memberCall: Call) => askLegs(router, legs, asked, memberCall),
  }))
  const { fan } = router.options
  if (!fan) throw new ChatError('internal', { message: 'A panel was asked for a task.' })
  return fan(members)(request, call)
}

function askCandidate<Request extends { readonly model: string }, Event extends AnyEvent>(
  { routing, options }: Router<Request, Event>,
  { candidate, times, settings, defaults }: CandidateLeg,
  request: Request,
  call: Call,
): Flow<Event> {
  const isSame = candidate.model === request.model && !defaults
  const asked = isSame ? request : options.withModel(request, candidate.model, defaults)
  const answer = options.askOf(candidate.member)(asked, settings ? { ...call, routed: settings } : call)
  return measure(answer, times, routing.runtime)
}

function nothingToAsk<Request extends { readonly model: string }, Event extends AnyEvent>(
  { routing, options }: Router<Request, Event>,
  { tree, find }: ResolvedRoute,
  request: Request,
): ChatError {
  const candidates = modelsOf(tree).flatMap(({ name }) => find(name))
  if (candidates.length === 0) return notFound(request.model, routing.catalog.resolve(request.model))
  if (!options.fan && hasPanel(tree)) return onlyChats(request.model)
  return options.noneServes?.(candidates, request) ?? notFound(request.model, request.model)
}

function onlyChats(name: string): ChatError {
  return new ChatError('unsupported', {
    message: `The route "${name}" is a panel, which only chats. Name one of its models.`,
    code: 'unsupported_task',
    param: 'model',
  })
}

function notFound(model: string, target: string): ChatError {
  const named = (name: string) => `"${excerpt(name, 200)}"`
  const what = target === model ? named(model) : `${named(target)}, for which ${named(model)} stands in ALIASES,`
  return new ChatError('model-not-found', {
    message: `The model ${what} does not exist here. GET /v1/models lists those that do.`,
    param: 'model',
  })
}

import { ChatError } from '../chat/error.ts'
import type { Parameters } from '../chat/request.ts'
import { narrows, type Wishes } from '../chat/wishes.ts'
import type { AnyEvent } from '../flow/begin.ts'
import type { Call } from '../flow/call.ts'
import type { Ask } from '../flow/chat.ts'
import { defer } from '../flow/defer.ts'
import { type Flow, failedFlow } from '../flow/flow.ts'
import { type AskAgain, hedgedTries } from './combine/hedge.ts'
import { measure } from './combine/measure.ts'
import { type OpenTry, tryInOrder } from './combine/try-in-order.ts'
import type { Candidate } from './known-models.ts'
import { onlyChats, unknownModel } from './nothing-to-ask.ts'
import { type CandidateLeg, type Leg, type LegSource, type Legs, legsOf } from './routes/legs.ts'
import { type NarrowedChoice, narrow, noneLeft, refuseUnknown } from './routes/narrow.ts'
import { rivalOf } from './routes/rival.ts'
import type { FindCandidates } from './routes/route-index.ts'
import { hasPanel, modelsOf, type RouteNode } from './routes/route-tree.ts'
import type { Routing } from './routing.ts'
import type { UpstreamParts } from './upstream-parts.ts'

/** The upstreams that can answer a request, each with its own name for the model. */
type Candidates = readonly Candidate<UpstreamParts>[]

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

/** What is read of a request to find what answers it. */
interface Routable {
  /** The client's name of a model or a route. */
  readonly model: string
  readonly wishes?: Wishes
}

interface Router<Request, Event> {
  readonly routing: Routing
  readonly options: RouteOptions<Request, Event>
}

/** A request and its call, on the way to what answers it. */
interface RoutedCall<Request> {
  readonly request: Request
  readonly call: Call
}

/** A route whose members have been looked up. */
interface ResolvedRoute {
  readonly tree: RouteNode
  readonly find: FindCandidates
}

/** Finds the upstreams for the model or the route, and asks them with their own name of the model. */
export function route<Request extends Routable, Event extends AnyEvent>(
  routing: Routing,
  options: RouteOptions<Request, Event>,
): Ask<Request, Event> {
  const router: Router<Request, Event> = { routing, options }
  const { catalog, routes } = routing
  const askNow = (request: Request, call: Call): Flow<Event> | undefined => {
    const tree = routes.find(request.model)
    if (tree) {
      const find = routes.candidatesNow(tree)
      return find && askRoute(router, { tree, find }, { request, call })
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
      return askRoute(router, { tree, find: await routes.candidates(tree, signal) }, { request, call })
    }, call.signal)
  }
}

/** Asks for a model without a route. Nearly every request has one candidate, and passes here at once. */
function askModel<Request extends Routable, Event extends AnyEvent>(
  router: Router<Request, Event>,
  candidates: Candidates,
  request: Request,
  call: Call,
): Flow<Event> {
  const { serves, askOf, withModel } = router.options
  const { model, wishes } = request
  const [only] = candidates
  const isPlain = candidates.length === 1 && !(wishes && narrows(wishes))
  if (only && isPlain && serves?.(only, request) !== false)
    return askOf(only.member)(only.model === model ? request : withModel(request, only.model), call)
  return askRoute(router, { tree: { kind: 'model', name: model }, find: () => candidates }, { request, call })
}

function askRoute<Request extends Routable, Event extends AnyEvent>(
  router: Router<Request, Event>,
  found: ResolvedRoute,
  asking: RoutedCall<Request>,
): Flow<Event> {
  const narrowed = narrowedFor(router.routing, asking)
  const [first, ...others] = legsOf(found.tree, sourceFor(router, asking, { find: found.find, narrowed }))
  if (!first) throw nothingToAsk(router, { ...found, narrowed }, asking)
  return askLegs(router, [first, ...others], asking)
}

/** @throws ChatError `invalid-request` if a wish names an upstream that does not exist */
function narrowedFor({ catalog }: Routing, { request, call }: RoutedCall<Routable>): NarrowedChoice | undefined {
  const { wishes } = request
  if (!wishes || !narrows(wishes)) return undefined
  const names = catalog.upstreamNames
  refuseUnknown(wishes, names, () => visibleUpstreams(catalog, call))
  return narrow(wishes, names)
}

/** The upstreams of the models that the caller may use. */
function visibleUpstreams(catalog: Routing['catalog'], { caller: { mayUse } }: Call): Iterable<string> {
  const names = catalog.upstreamNames
  if (!mayUse) return names
  return new Set(
    catalog.knownNow().flatMap(({ id, upstream }) => (mayUse(id) && names.has(upstream) ? [upstream] : [])),
  )
}

function sourceFor<Request extends Routable, Event extends AnyEvent>(
  { routing, options }: Router<Request, Event>,
  { request, call }: RoutedCall<Request>,
  { find, narrowed }: Pick<ResolvedRoute, 'find'> & Pick<LegSource, 'narrowed'>,
): LegSource {
  const { times, runtime } = routing
  return {
    candidatesOf: find,
    accepts: (candidate) =>
      (options.serves?.(candidate, request) ?? true) && !narrowed?.leftOutBy(candidate.member.upstream),
    prefers: (candidate) => options.prefers?.(candidate, request) ?? true,
    hasPanels: options.fan !== undefined,
    cacheHome: call.cacheHome,
    timesOf: (candidate) => times.of(candidate),
    narrowed,
    random: () => runtime.random(),
  }
}

function askLegs<Request extends Routable, Event extends AnyEvent>(
  router: Router<Request, Event>,
  [first, ...others]: Legs,
  { request, call }: RoutedCall<Request>,
): Flow<Event> {
  if (others.length === 0) return askLeg(router, first, { request, call })
  const asking =
    (leg: Leg): AskAgain<Event> =>
    (ownCall) =>
      askLeg(router, leg, { request, call: ownCall })
  const opening =
    (leg: Leg): OpenTry<Event> =>
    () =>
      askLeg(router, leg, { request, call })
  const rival = router.options.mayHedge?.(request) ? rivalOf(first, others) : undefined
  if (!rival) return tryInOrder([opening(first), ...others.map(opening)], call)
  const pair = { first: asking(first), second: asking(rival), delayMs: first.times.almostAllMs }
  const hedged = hedgedTries({ ...pair, budget: router.routing.hedges }, call)
  return tryInOrder([...hedged, ...others.filter((leg) => leg !== rival).map(opening)], call)
}

function askLeg<Request extends Routable, Event extends AnyEvent>(
  router: Router<Request, Event>,
  leg: Leg,
  asking: RoutedCall<Request>,
): Flow<Event> {
  if ('candidate' in leg) return askCandidate(router, leg, asking)
  const members = leg.panel.map(({ title, legs }) => ({
    title,
    chat: (request: Request, call: Call) => askLegs(router, legs, { request, call }),
  }))
  const { fan } = router.options
  if (!fan) throw new ChatError('internal', { message: 'A panel was asked for a task.' })
  return fan(members)(asking.request, asking.call)
}

function askCandidate<Request extends Routable, Event extends AnyEvent>(
  { routing, options }: Router<Request, Event>,
  { candidate, times, settings, defaults }: CandidateLeg,
  { request, call }: RoutedCall<Request>,
): Flow<Event> {
  const isSame = candidate.model === request.model && !defaults
  const asked = isSame ? request : options.withModel(request, candidate.model, defaults)
  const answer = options.askOf(candidate.member)(asked, settings ? { ...call, routed: settings } : call)
  return measure(answer, times, routing.runtime)
}

function nothingToAsk<Request extends Routable, Event extends AnyEvent>(
  { routing, options }: Router<Request, Event>,
  { tree, find, narrowed }: ResolvedRoute & Pick<LegSource, 'narrowed'>,
  { request, call }: RoutedCall<Request>,
): ChatError {
  const { model } = request
  const candidates = modelsOf(tree).flatMap(({ name }) => find(name))
  const serving = candidates.filter((candidate) => options.serves?.(candidate, request) ?? true)
  const isLeftOut = narrowed && serving.length > 0 && serving.every(({ member }) => narrowed.leftOutBy(member.upstream))
  if (isLeftOut)
    return noneLeft(
      model,
      serving.map(({ member }) => member.upstream),
      narrowed,
    )
  if (candidates.length === 0) return unknownModel(model, routing.catalog, call.caller)
  if (!options.fan && hasPanel(tree)) return onlyChats(model)
  return options.noneServes?.(candidates, request) ?? unknownModel(model, routing.catalog, call.caller)
}

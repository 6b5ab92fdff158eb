import { ChatError } from '../chat/error.ts'
import {
  type AskedTask,
  type EmbeddingEvent,
  type EmbeddingRequest,
  type RelayEvent,
  type RelayRequest,
  taskRoutes,
} from '../chat/task.ts'
import type { AnyEvent } from '../flow/begin.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Ask, ObserverLayer } from '../flow/chat.ts'
import { defer } from '../flow/defer.ts'
import { failedFlow } from '../flow/flow.ts'
import type { Upstream } from '../providers/provider.ts'
import type { AnswerListener, AttemptListener } from './call-record.ts'
import type { CostOf } from './cost-of.ts'
import { countTokens } from './count-tokens.ts'
import type { DriftLog } from './drift-log.ts'
import type { Candidate } from './known-models.ts'
import { account, type WithAccount } from './layers/account.ts'
import { inBatches } from './layers/batches.ts'
import { breaker, countOutcomes } from './layers/breaker.ts'
import { type Deadlines, deadline } from './layers/deadline.ts'
import { estimateInputs, usageOfInputs } from './layers/estimate-inputs.ts'
import { limit } from './layers/limit.ts'
import { retry } from './layers/retry.ts'
import { taskUsage } from './layers/task-usage.ts'
import { route } from './route.ts'
import type { Routing } from './routing.ts'
import type { TaskAsks, UpstreamParts } from './upstream-parts.ts'

/** What the layers around one upstream need. */
interface LayerParts extends Pick<UpstreamParts, 'pool' | 'budget' | 'permits' | 'health'> {
  /** Keeps to the requests that the operator allows in a minute. */
  readonly paced: ObserverLayer
  readonly deadlines: Deadlines
  readonly onAnswer: AnswerListener | undefined
  readonly onAttempt: AttemptListener | undefined
  readonly costOf: CostOf | undefined
  readonly drifts: DriftLog
}

/** Puts the layers around the tasks of one upstream. */
export function buildTasks({ name, tasks }: Upstream, parts: LayerParts): TaskAsks {
  if (!tasks) return { embed: () => failedFlow(noTasks()), relay: () => failedFlow(noTasks()) }
  const embed = estimateInputs(
    countTokens,
    inBatches(() => tasks.maxInputs)(withLayers(name, (...asked) => tasks.embed(...asked), parts)),
  )
  const relay = withLayers<RelayRequest, RelayEvent>(name, (...asked) => tasks.relay(...asked), parts)
  const source = { upstream: name, onAnswer: parts.onAnswer, costOf: parts.costOf }
  const estimateLeft = (request: EmbeddingRequest) => usageOfInputs(request, countTokens)
  return {
    embed: taskUsage({ ...source, estimate: estimateLeft }, embed),
    relay: taskUsage(source, relay),
  }
}

function withLayers<Request extends { readonly stream: boolean; readonly model: string }, Event extends AnyEvent>(
  upstream: string,
  ask: Ask<Request, Event, WithAccount>,
  { pool, paced, budget, permits, health, deadlines, onAttempt, drifts }: LayerParts,
): Ask<Request, Event> {
  const asked = countOutcomes(health)(account(pool, upstream, { onAttempt, drifts })(paced(ask)))
  // no upstream keeps a thread of a task
  const retried = retry(budget)<Request, Event, unknown>((request, call) => asked(request, call))
  return breaker(health)(limit(permits)(deadline(deadlines)(retried)))
}

/** The router does not ask an upstream without tasks. */
function noTasks(): ChatError {
  return new ChatError('internal', { message: 'An upstream without tasks was asked for one.' })
}

/** The gateway's side of what is no chat. */
export interface Tasks extends TaskAsks {
  /** Whether an upstream of this model may serve the task. */
  serves(asked: AskedTask, signal: Cancel): Promise<boolean>
}

interface TasksOptions {
  readonly upstreams: readonly Upstream[]
  /** The layers before the router. */
  readonly admit: ObserverLayer<EmbeddingRequest | RelayRequest, EmbeddingEvent | RelayEvent>
}

/** Finds the upstreams for the model of a task, and asks them. */
export function openTasks(routing: Routing, { upstreams, admit }: TasksOptions): Tasks {
  const serves = ({ member, model }: Candidate<UpstreamParts>, { task }: AskedTask) =>
    member.upstream.tasks?.serves(task, model) ?? false
  const options = {
    serves,
    withModel,
    noneServes: (candidates: readonly Candidate[], asked: AskedTask) => {
      const names = [...new Set(candidates.map(({ member }) => member.upstream.name))]
      const problem = `${names.join(', ')} does not serve /v1${taskRoutes[asked.task]} with this model.`
      return noneServes(asked, problem, without(upstreams, names))
    },
  }
  return {
    embed: admit(naming(upstreams, route(routing, { ...options, askOf: ({ tasks }) => tasks.embed }))),
    relay: admit(naming(upstreams, route(routing, { ...options, askOf: ({ tasks }) => tasks.relay }))),
    serves: async (asked, signal) =>
      (await routing.routes.servedBy(asked.model, signal)).some((candidate) => serves(candidate, asked)),
  }
}

/** Whether a failure says that the upstream does not serve the task. */
function isUnservedTask(thrown: unknown): thrown is ChatError {
  return thrown instanceof ChatError && thrown.finerCode === 'unsupported_task'
}

function withModel<Request>(request: Request, model: string): Request {
  return { ...request, model }
}

function without(upstreams: readonly Upstream[], names: readonly string[]): readonly Upstream[] {
  return upstreams.filter(({ name }) => !names.includes(name))
}

/** Names the upstreams that may serve the task, when an upstream has refused it. */
function naming<Request extends AskedTask, Event extends AnyEvent>(
  upstreams: readonly Upstream[],
  next: Ask<Request, Event>,
): Ask<Request, Event> {
  return (request, call) =>
    defer(async ({ begin }) => {
      try {
        return await begin(next(request, call))
      } catch (thrown) {
        const { upstream } = call.receipt
        if (!isUnservedTask(thrown) || upstream === undefined) throw thrown
        throw noneServes(request, thrown.message, without(upstreams, [upstream]))
      }
    }, call.signal)
}

/** @param others upstreams that have not been asked */
function noneServes({ task, model }: AskedTask, problem: string, others: readonly Upstream[]): ChatError {
  const names = others.filter(({ tasks }) => tasks?.serves(task, model)).map(({ name }) => name)
  const remedy =
    names.length > 0
      ? `These upstreams may: ${names.join(', ')}. Name a model of one of them, such as "${names[0]}/MODEL".`
      : 'No other configured upstream does either.'
  return new ChatError('unsupported', { message: `${problem} ${remedy}`, code: 'unsupported_task', param: 'model' })
}

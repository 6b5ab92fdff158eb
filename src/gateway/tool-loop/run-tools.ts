import { ChatError } from '../../chat/error.ts'
import type { ChatEvent, Usage } from '../../chat/event.ts'
import { callsOf, type Message, type ToolMessage } from '../../chat/message.ts'
import type { ToolBounds } from '../../chat/model.ts'
import type { ChatRequest, OfferedTool, Parameters } from '../../chat/request.ts'
import { toolMessage } from '../../chat/tool-output.ts'
import { Attempts } from '../../flow/attempts.ts'
import type { Call } from '../../flow/call.ts'
import type { Chat } from '../../flow/chat.ts'
import { type Batch, batches, type Flow, flowOf } from '../../flow/flow.ts'
import { orAbort } from '../../flow/wait.ts'
import type { Tool, ToolRegistry } from '../../tools/tool.ts'
import { sum } from '../layers/choices.ts'
import type { LoopEvent, ToolResultEvent } from './events.ts'
import { Failures } from './failures.ts'
import { ImageBudget } from './image-budget.ts'
import type { ToolLimits } from './limits.ts'
import { offerTools, type ToolOffer } from './offer-tools.ts'
import { OneAnswer } from './one-answer.ts'
import { Round } from './round.ts'
import { runCalls } from './run-calls.ts'

export interface RunTools<Needs = unknown> {
  /** The model, which is asked in each round, and for summaries. */
  readonly chat: Chat<Needs>
  readonly registry: Pick<ToolRegistry, 'list'>
  readonly limits: ToolLimits
  /** The servers whose tools are offered; by default all. */
  readonly servers?: readonly string[]
  /** Whether a tool of these servers is offered; by default all are. */
  readonly isAllowed?: (tool: Tool) => boolean
  /** The model for summaries of long results; by default the model of the request. */
  readonly summaryModel?: string
  /** The upstream's limits for tools; by default none. */
  readonly bounds?: ToolBounds
}

/**
 * Runs the tools that the model calls, and sends it their results until it answers. A slow reader slows everything down
 * except the tools of the current round. A call of a client's tool ends the answer, and calls of our tools beside it do
 * not run, because their results would be lost.
 * @throws ChatError `upstream-failed` `tool_rounds_exceeded`, `tool_calls_exceeded`, `tool_loop_failed` if the model
 *   does not end its answer
 */
export function runTools<Needs>(
  options: RunTools<Needs>,
): (request: ChatRequest, call: Call & Needs) => Flow<LoopEvent> {
  return (request, call) => flowOf((signal) => new Loop(options, request, { ...call, signal }).run(), call.signal)
}

class Loop<Needs> {
  readonly #options: RunTools<Needs>
  readonly #request: ChatRequest
  readonly #call: Call & Needs
  readonly #messages: Message[]
  readonly #ids: Set<string>
  readonly #answer = new OneAnswer()
  readonly #failures = new Failures()
  readonly #images = new ImageBudget()
  readonly #usages: Usage[] = []
  readonly #summaries: Usage[] = []
  #callsLeft: number

  constructor(options: RunTools<Needs>, request: ChatRequest, call: Call & Needs) {
    this.#options = options
    this.#request = request
    this.#call = call
    this.#messages = [...request.messages]
    this.#ids = new Set(request.messages.flatMap((message) => callsOf(message).map(({ id }) => id)))
    this.#callsLeft = options.limits.maxCalls
  }

  async *run(): AsyncGenerator<Batch<LoopEvent>> {
    const { limits } = this.#options
    const { offer, isClients } = await this.#offer()
    for (let at = 1; at <= limits.maxRounds; at++) {
      const round = new Round({
        isClients,
        ids: this.#ids,
        runtime: this.#call.signal.runtime,
        maxCalls: this.#callsLeft,
      })
      const parameters = parametersFor(this.#request.parameters, offer.offered(), at)
      yield* this.#ask(round, parameters)
      if (round.usage) this.#usages.push(round.usage)
      if (round.callsToRun === 0) return yield this.#end(round)
      this.#callsLeft -= round.callsToRun
      if (at < limits.maxRounds) yield* this.#run(round, offer)
    }
    throw new ChatError('upstream-failed', {
      message: `The model called tools in ${limits.maxRounds} rounds without an answer.`,
      code: 'tool_rounds_exceeded',
    })
  }

  /** Finds the tools to run and to offer. A client's tool replaces a tool of the gateway with the same name. */
  async #offer() {
    const { registry, servers, limits, isAllowed = () => true, bounds = {} } = this.#options
    const own = this.#request.parameters.tools ?? []
    const names = new Set(own.flatMap((tool) => (tool.type === 'function' ? [tool.name] : [])))
    // a tool that only the client's dialect knows may have any name
    const hasForeign = own.some(({ type }) => type === 'foreign')
    const { signal } = this.#call
    const missing = new Set<string>()
    this.#call.receipt.toolsMissing = missing
    const listed = await orAbort(registry.list(signal, servers, missing), signal)
    const wanted = listed.filter((tool) => isAllowed(tool) && !names.has(tool.name))
    const { searchOver } = limits
    const offer = offerTools(wanted, { own, bounds, searchOver, messages: this.#messages, ...this.#required() })
    this.#note(offer)
    return { offer, isClients: (name: string) => names.has(name) || (hasForeign && !offer.tools.has(name)) }
  }

  #required(): { required?: string } {
    const { toolChoice } = this.#request.parameters
    return toolChoice?.type === 'function' ? { required: toolChoice.name } : {}
  }

  #note({ omitted, shortened, searched }: ToolOffer): void {
    if (searched !== undefined) this.#call.receipt.toolsSearched = searched
    if (omitted.length > 0) this.#call.receipt.toolsOmitted = omitted
    if (omitted.length + shortened.length === 0) return
    const fields = { ...countFields('omitted', omitted), ...countFields('shortened', shortened) }
    this.#call.log.warn(
      fields,
      'tools were left out or their descriptions shortened, because the upstream has limits for them',
    )
  }

  async *#ask(round: Round, parameters: Parameters): AsyncGenerator<Batch> {
    const hasRun = this.#messages.length > this.#request.messages.length
    const request = {
      ...this.#request,
      messages: this.#messages,
      parameters,
      // what a tool has done belongs to the round that used it
      ...(hasRun && { wishes: { ...this.#request.wishes, continue: false } }),
    }
    // each round has its own attempts, so earlier rounds do not prevent a retry
    const call = { ...this.#call, attempts: new Attempts() }
    this.#answer.nextRound()
    for await (const batch of batches(this.#options.chat(request, call))) {
      const shown: ChatEvent[] = []
      try {
        for (const event of batch) this.#show(round.add(event), shown)
      } catch (thrown) {
        if (shown.length > 0) yield shown
        throw thrown
      }
      if (shown.length > 0) yield shown
    }
  }

  #show(event: ChatEvent | undefined, shown: ChatEvent[]): void {
    if (event) shown.push(this.#answer.event(event))
  }

  async *#run(round: Round, { tools, note }: ToolOffer): AsyncGenerator<Batch<LoopEvent>> {
    const { chat, limits, summaryModel: model = this.#request.model } = this.#options
    const message = round.message()
    const calls = callsOf(message)
    const results = new Map<string, ToolResultEvent>()
    yield [{ type: 'tool-calls', message, calls }]
    const request = { dialect: this.#request.dialect, model }
    for await (const event of runCalls(calls, { tools, limits, chat, request, call: this.#call })) {
      if (event.type === 'tool-result') results.set(event.toolCallId, event)
      yield [event]
    }
    for (const { summaryUsage } of results.values()) if (summaryUsage) this.#summaries.push(summaryUsage)
    this.#failures.add(calls, results)
    note(calls)
    this.#messages.push(message, ...calls.flatMap(({ id }) => this.#messageOf(results.get(id))))
  }

  /** The message for the model. The images of all results share one budget. */
  #messageOf(result: ToolResultEvent | undefined): ToolMessage[] {
    if (!result) return []
    const { images: _, ...others } = result
    return [toolMessage(result.toolCallId, { ...others, ...this.#images.spend(result) })]
  }

  #end({ finish }: Round): Batch {
    if (this.#usages.length === 0) return [finish]
    const answer = sum(this.#usages)
    if (this.#summaries.length === 0) return [finish, { type: 'usage', choice: 0, usage: answer }]
    const shares = [
      { title: 'answer', usage: answer },
      { title: 'summaries', usage: sum(this.#summaries) },
    ]
    return [finish, { type: 'usage', choice: 0, usage: { ...sum(shares.map(({ usage }) => usage)), shares } }]
  }
}

/** Forces a tool call in the first round only, because otherwise the model could never answer. */
function parametersFor(parameters: Parameters, tools: readonly OfferedTool[], round: number): Parameters {
  const { toolChoice, parallelToolCalls, tools: _, ...others } = parameters
  if (tools.length === 0) return others
  const isForced = toolChoice?.type === 'required' || toolChoice?.type === 'function'
  const choice = round > 1 && isForced ? { type: 'auto' as const } : toolChoice
  return {
    ...others,
    tools,
    ...(choice && { toolChoice: choice }),
    ...(parallelToolCalls !== undefined && { parallelToolCalls }),
  }
}

const maxLogged = 20

/** Returns log fields with the number of the names, and the first of them. */
function countFields(what: 'omitted' | 'shortened', names: readonly string[]): object {
  return names.length === 0 ? {} : { [what]: names.length, [`${what}Tools`]: names.slice(0, maxLogged) }
}

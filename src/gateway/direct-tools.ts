import type { Fields } from '../chat/message.ts'
import { redact } from '../chat/secret.ts'
import type { Call } from '../flow/call.ts'
import type { ObserverLayer } from '../flow/chat.ts'
import { type Batch, type Flow, flowOf } from '../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../flow/watch.ts'
import { serverAlias } from '../tools/names.ts'
import type { Tool } from '../tools/tool.ts'
import type { ToolLoopOptions } from './tool-loop/layer.ts'
import type { ToolLimits } from './tool-loop/limits.ts'
import { Outbox } from './tool-loop/outbox.ts'
import { type CallOutcome, runTool, shownOutcome } from './tool-loop/run-call.ts'

/** What a tool says while it runs, and then its outcome. */
export type DirectEvent =
  | { readonly type: 'output'; readonly text: string }
  | { readonly type: 'outcome'; readonly outcome: CallOutcome }

/** The tools of all servers, for clients that call them themselves. */
export interface DirectTools {
  /**
   * Lists them by name. A client that is a gateway itself gets no tools of other gateways, because one of those may be the
   * client.
   * @param missing as in `ToolRegistry.list`
   */
  list(call: Call, missing: Set<string>): Promise<readonly Tool[]>
  find(name: string, call: Call): Promise<Tool | undefined>
  /** Runs a tool once, within the limits of the tool loop. A failure of the tool is an outcome. */
  run(tool: Tool, args: Fields, call: Call): Flow<DirectEvent>
}

/** @param admit lets a call run if there is room for it */
export function directTools({ registry, limits }: ToolLoopOptions, admit: ObserverLayer): DirectTools {
  const offeredServers = ({ hops }: Call) =>
    registry.servers().flatMap(({ name, isGateway }) => (hops > 0 && isGateway ? [] : [name]))
  const run = admit<{ readonly tool: Tool; readonly args: Fields }, DirectEvent, unknown>(({ tool, args }, call) =>
    runDirectly(tool, args, { call, limits }),
  )
  return {
    async list(call, missing) {
      const listed = await registry.list(call.signal, offeredServers(call), missing)
      return listed.toSorted((one, other) => (one.name < other.name ? -1 : 1))
    },
    async find(name, call) {
      const servers = offeredServers(call).filter((server) => name.startsWith(`${serverAlias(server)}__`))
      if (servers.length === 0) return undefined
      return (await registry.list(call.signal, servers)).find((tool) => tool.name === name)
    },
    run: (tool, args, call) => run({ tool, args }, call),
  }
}

export interface DirectRun {
  readonly call: Call
  readonly limits: ToolLimits
}

/** Runs a tool whose arguments a client has sent as an object, and writes a log line. */
export function runDirectly(tool: Tool, args: Fields, { call, limits }: DirectRun): Flow<DirectEvent> {
  const flow = flowOf((signal) => eventsOf(tool, args, { call: { ...call, signal }, limits }), call.signal)
  return watch(flow, new DirectObserver(tool, call))
}

async function* eventsOf(tool: Tool, args: Fields, { call, limits }: DirectRun): AsyncGenerator<Batch<DirectEvent>> {
  const outbox = new Outbox(limits.maxResultBytes)
  const onChunk = (text: string) => outbox.output({ toolCallId: '', source: 'tool', text })
  call.receipt.tools.add(tool.name)
  const running = runTool(tool, args, { limits, call, onChunk })
  running.then(
    () => outbox.end(),
    (thrown) => outbox.fail(thrown),
  )
  for (let next = await outbox.next(); next; next = await outbox.next())
    if (next.type === 'tool-output') yield [{ type: 'output', text: next.text }]
  const { structured, ...outcome } = await running
  const shown = shownOutcome(outcome, limits)
  yield [{ type: 'outcome', outcome: { ...shown, ...shownStructure(structured, limits) } }]
}

/** A value without secrets. It is left out if it is longer than a text may be. */
function shownStructure(structured: unknown, { maxResultBytes }: ToolLimits): { readonly structured?: unknown } {
  const json = structured === undefined ? '' : redact(JSON.stringify(structured))
  return json === '' || json.length > maxResultBytes ? {} : { structured: JSON.parse(json) }
}

/** Writes one log line for a call when it has ended. It has no text of the arguments or the result. */
class DirectObserver implements Watcher<DirectEvent> {
  readonly #tool: Tool
  readonly #call: Call
  readonly #startedAt: number
  #isError = false

  constructor(tool: Tool, call: Call) {
    this.#tool = tool
    this.#call = call
    this.#startedAt = call.signal.runtime.elapsed()
  }

  onBatch(batch: Batch<DirectEvent>): void {
    for (const event of batch) if (event.type === 'outcome') this.#isError = event.outcome.isError
  }

  onEnd(ending: Ending): void {
    const failure = ending.kind === 'failed' ? ending.error : undefined
    const done = this.#isError ? 'tool_failed' : 'ok'
    const line = {
      tool: this.#tool.name,
      outcome: failure?.ownCode ?? (ending.kind === 'done' ? done : 'client_closed'),
      durationMs: Math.round(this.#call.signal.runtime.elapsed() - this.#startedAt),
    }
    if (!failure || failure.reason === 'cancelled') this.#call.log.info(line, 'tool call')
    else this.#call.log.warn({ ...line, err: failure }, 'tool call')
  }
}

import { ChatError } from '../../chat/error.ts'
import type { Fields, ToolCallPart } from '../../chat/message.ts'
import { excerpt, redact } from '../../chat/secret.ts'
import { headOfBytes } from '../../chat/shorten.ts'
import type { Call } from '../../flow/call.ts'
import { orAbort } from '../../flow/wait.ts'
import type { Tool, ToolOutcome } from '../../tools/tool.ts'
import { ImageBudget } from './image-budget.ts'
import type { ToolLimits } from './limits.ts'
import { readArguments } from './read-arguments.ts'

/** The outcome of a call, whose text is within the limit. */
export interface CallOutcome extends ToolOutcome {
  readonly isCut: boolean
}

export interface ToolRunOptions {
  /** The model's id of the tool call, if a model has called the tool. */
  readonly callId?: string
  readonly limits: ToolLimits
  /** The call that the tool runs for. */
  readonly call: Call
  onChunk(text: string): void
}

/** Runs a call once. A failure becomes a result for the model. @throws only the signal's reason */
export async function runCall(
  called: ToolCallPart,
  { tools, ...options }: ToolRunOptions & { readonly tools: ReadonlyMap<string, Tool> },
): Promise<CallOutcome> {
  options.call.signal.throwIfAborted()
  const tool = tools.get(called.name)
  if (!tool) return failed(`There is no tool "${excerpt(called.name, 100)}".`)
  const read = readArguments(called.arguments)
  if ('problem' in read) return failed(read.problem)
  return shownOutcome(await runTool(tool, read.fields, { ...options, callId: called.id }), options.limits)
}

/** The outcome without secrets, and within the limits of one call. */
export function shownOutcome({ isError, content, images }: ToolOutcome, limits: ToolLimits): CallOutcome {
  const shown = redact(content)
  const kept = headOfBytes(shown, limits.maxResultBytes)
  const outcome = { isError, content: kept, isCut: kept.length < shown.length }
  return images ? { ...outcome, ...new ImageBudget().spend({ content: kept, images }) } : outcome
}

/** Runs a tool. If the tool ignores its signal, the call ends without waiting for it. @throws only the signal's reason */
export async function runTool(
  tool: Tool,
  args: Fields,
  { limits: { timeoutMs }, call, callId, onChunk }: ToolRunOptions,
): Promise<ToolOutcome> {
  const { signal, log, hops } = call
  const link = signal.child()
  const span = signal.span?.beginToolRun({ tool: tool.name, server: tool.server, callId, args })
  link.span = span
  const tooLong = () => link.abort(new ChatError('timeout', { message: 'The tool took too long.' }))
  const timer = signal.runtime.timers.set(timeoutMs, tooLong)
  let isOver = false
  const context = { signal: link, hops, call, onChunk: (text: string) => isOver || onChunk(redact(text)) }
  try {
    const outcome = await orAbort((async () => tool.run(args, context))(), link)
    span?.end(outcome)
    return outcome
  } catch (thrown) {
    span?.end(undefined, thrown)
    signal.throwIfAborted()
    if (link.aborted) return failed(`No result within ${timeoutMs / 1000} s. It is not known whether it ran.`)
    log.error({ tool: tool.name, err: thrown }, 'a tool threw')
    return failed('The tool failed. It is not known how far it came.')
  } finally {
    isOver = true
    timer.stop()
    link.release()
  }
}

function failed(content: string): CallOutcome {
  return { content, isError: true, isCut: false }
}

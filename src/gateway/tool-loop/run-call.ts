import { ChatError } from '../../chat/error.ts'
import type { Fields, ToolCallPart } from '../../chat/message.ts'
import { excerpt, redact } from '../../chat/secret.ts'
import { headOfBytes } from '../../chat/shorten.ts'
import type { Logger } from '../../flow/call.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { orAbort } from '../../flow/wait.ts'
import type { Tool, ToolOutcome } from '../../tools/tool.ts'
import { ImageBudget } from './image-budget.ts'
import type { ToolLimits } from './limits.ts'
import { readArguments } from './read-arguments.ts'

/** The outcome of a call, whose text is within the limit. */
export interface CallOutcome extends ToolOutcome {
  readonly isCut: boolean
}

export interface RunCallOptions {
  readonly tools: ReadonlyMap<string, Tool>
  readonly limits: ToolLimits
  readonly signal: Cancel
  readonly log: Logger
  onChunk(text: string): void
}

/** Runs a call once. A failure becomes a result for the model. @throws only the signal's reason */
export async function runCall(
  call: ToolCallPart,
  { tools, limits, signal, log, onChunk }: RunCallOptions,
): Promise<CallOutcome> {
  signal.throwIfAborted()
  const tool = tools.get(call.name)
  if (!tool) return failed(`There is no tool "${excerpt(call.name, 100)}".`)
  const read = readArguments(call.arguments)
  if ('problem' in read) return failed(read.problem)
  const { isError, content, images } = await runTool(tool, read.fields, { limits, signal, log, onChunk })
  const shown = redact(content)
  const kept = headOfBytes(shown, limits.maxResultBytes)
  const outcome = { isError, content: kept, isCut: kept.length < shown.length }
  return images ? { ...outcome, ...new ImageBudget().spend({ content: kept, images }) } : outcome
}

/** Runs a tool. If the tool ignores its signal, the call ends without waiting for it. */
async function runTool(
  tool: Tool,
  args: Fields,
  { limits: { timeoutMs }, signal, log, onChunk }: Omit<RunCallOptions, 'tools'>,
): Promise<ToolOutcome> {
  const link = signal.child()
  const tooLong = () => link.abort(new ChatError('timeout', { message: 'The tool took too long.' }))
  const timer = signal.runtime.timers.set(timeoutMs, tooLong)
  let isOver = false
  const context = { signal: link, onChunk: (text: string) => isOver || onChunk(redact(text)) }
  try {
    return await orAbort((async () => tool.run(args, context))(), link)
  } catch (thrown) {
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

import { ChatError } from '../../chat/error.ts'
import type { ToolCallPart } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { withoutMiddle } from '../../chat/shorten.ts'
import type { Call } from '../../flow/call.ts'
import type { Chat } from '../../flow/chat.ts'
import type { Tool } from '../../tools/tool.ts'
import type { ToolOutputEvent, ToolResultEvent } from './events.ts'
import type { ToolLimits } from './limits.ts'
import { Outbox } from './outbox.ts'
import { runCall } from './run-call.ts'
import { summarise } from './summarise.ts'

export interface RunCalls<Needs> {
  readonly tools: ReadonlyMap<string, Tool>
  readonly limits: ToolLimits
  /** Asks the model that writes summaries. */
  readonly chat: Chat<Needs>
  /** The dialect of the request, and the model that writes summaries. */
  readonly request: Pick<ChatRequest, 'dialect' | 'model'>
  readonly call: Call & Needs
}

/**
 * Runs the calls of a round at the same time, and yields each result when it is ready. If the reader leaves, the calls
 * are aborted.
 */
export async function* runCalls<Needs>(
  calls: readonly ToolCallPart[],
  options: RunCalls<Needs>,
): AsyncGenerator<ToolOutputEvent | ToolResultEvent> {
  const { limits, call } = options
  const link = call.signal.child()
  const outbox = new Outbox(limits.maxResultBytes)
  const remaining = calls.values()
  const runRemaining = async () => {
    for (const next of remaining)
      outbox.result(await runAndShorten(next, outbox, { ...options, call: { ...call, signal: link } }))
  }
  const workers = Array.from({ length: Math.min(limits.maxParallel, calls.length) }, runRemaining)
  Promise.all(workers).then(
    () => outbox.end(),
    (thrown) => outbox.fail(thrown),
  )
  try {
    for (let next = await outbox.next(); next; next = await outbox.next()) yield next
  } finally {
    link.abort(new ChatError('cancelled', { message: 'The results of the tools are no longer needed.' }))
    link.release()
  }
}

async function runAndShorten<Needs>(
  called: ToolCallPart,
  outbox: Outbox,
  { tools, limits, chat, request, call }: RunCalls<Needs>,
): Promise<ToolResultEvent> {
  const { id: toolCallId, name } = called
  // an unknown name is not noted in the receipt, because the model wrote it
  if (tools.has(name)) call.receipt.tools.add(name)
  const relayFrom = (source: ToolOutputEvent['source']) => (text: string) => outbox.output({ toolCallId, source, text })
  const outcome = await runCall(called, {
    tools,
    limits,
    call,
    onChunk: relayFrom('tool'),
  })
  const { content, images, isError, isCut } = outcome
  const base = { type: 'tool-result', toolCallId, name, ...(images && { images }) } as const
  const result = { ...base, content, isError }
  if (content.length <= limits.summaryCharacters) return isCut ? { ...result, shortened: 'cut' } : result
  const cut = {
    ...result,
    content: withoutMiddle(content, limits.summaryCharacters),
    shortened: 'cut',
    full: content,
  } as const
  // a failure is not summarised, because a summary of its message would be less precise
  if (isError) return cut
  const { text, usage } = await summarise(called, content, {
    chat,
    limits,
    request,
    call,
    onChunk: relayFrom('summary'),
  })
  const spent = usage ? { summaryUsage: usage } : {}
  return text === undefined ? { ...cut, ...spent } : { ...cut, content: text, shortened: 'summarised', ...spent }
}

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
  /** Writes summaries. */
  readonly chat: Chat<Needs>
  /** What the model was asked, with the model that summarises. */
  readonly request: Pick<ChatRequest, 'dialect' | 'model'>
  readonly call: Call & Needs
}

/** Runs a round's calls side by side. Their results come as they are done; when its reader leaves, they are aborted. */
export async function* runCalls<Needs>(
  calls: readonly ToolCallPart[],
  options: RunCalls<Needs>,
): AsyncGenerator<ToolOutputEvent | ToolResultEvent> {
  const { limits, call } = options
  const link = call.signal.child()
  const outbox = new Outbox(limits.maxResultBytes)
  const rest = calls.values()
  const work = async () => {
    for (const next of rest)
      outbox.result(await resultOf(next, outbox, { ...options, call: { ...call, signal: link } }))
  }
  const workers = Array.from({ length: Math.min(limits.maxParallel, calls.length) }, work)
  Promise.all(workers).then(
    () => outbox.end(),
    (thrown) => outbox.fail(thrown),
  )
  try {
    for (let next = await outbox.next(); next; next = await outbox.next()) yield next
  } finally {
    link.abort(new ChatError('cancelled', { message: 'Nobody waits for the tools any more.' }))
    link.release()
  }
}

async function resultOf<Needs>(
  called: ToolCallPart,
  outbox: Outbox,
  { tools, limits, chat, request, call }: RunCalls<Needs>,
): Promise<ToolResultEvent> {
  const { id: toolCallId, name } = called
  // a name that the model made up is a word of its answer
  if (tools.has(name)) call.receipt.tools.add(name)
  const from = (source: ToolOutputEvent['source']) => (text: string) => outbox.output({ toolCallId, source, text })
  const ran = await runCall(called, { tools, limits, signal: call.signal, log: call.log, onChunk: from('tool') })
  const { content, images, isError, isCut } = ran
  const about = { type: 'tool-result', toolCallId, name, ...(images && { images }) } as const
  const result = { ...about, content, isError }
  if (content.length <= limits.summaryCharacters) return isCut ? { ...result, shortened: 'cut' } : result
  const cut = {
    ...result,
    content: withoutMiddle(content, limits.summaryCharacters),
    shortened: 'cut',
    full: content,
  } as const
  // of a failure its own words say most
  if (isError) return cut
  const { text, usage } = await summarise(called, content, { chat, limits, request, call, onChunk: from('summary') })
  const spent = usage ? { summaryUsage: usage } : {}
  return text === undefined ? { ...cut, ...spent } : { ...cut, content: text, shortened: 'summarised', ...spent }
}

import { asChatError } from '../../../chat/error.ts'
import { type Message, wordsOf } from '../../../chat/message.ts'
import type { ChatRequest } from '../../../chat/request.ts'
import { dialect } from '../../../dialects/openai-chat/dialect.ts'
import { Attempts } from '../../../flow/attempts.ts'
import { type Call, newReceipt } from '../../../flow/call.ts'
import { events } from '../../../flow/flow.ts'
import { Fold } from '../../../flow/fold.ts'
import type { ToolContext, ToolOutcome } from '../../../tools/tool.ts'
import type { Services } from '../../exchange/services.ts'

export interface ModelQuestion {
  readonly model: string
  readonly prompt: string
  readonly system?: string
  readonly maxTokens?: number
}

export interface AskContext {
  readonly services: Pick<Services, 'gateway'>
  readonly call: Call
  readonly context: ToolContext
}

const maxCharacters = 1024 * 1024
/** Characters of an answer after which its progress is told again. */
const progressCharacters = 1_000

/** Asks a model. A failure is an outcome for the model that asked. @throws only the signal's reason */
export async function askModel(question: ModelQuestion, { services, call, context }: AskContext): Promise<ToolOutcome> {
  const own = { ...call, signal: context.signal.child(), attempts: new Attempts(), receipt: newReceipt() }
  const fold = new Fold({ maxCharacters })
  let length = 0
  try {
    for await (const event of events(services.gateway.chat(requestFor(question), own))) {
      fold.add(event)
      if (event.type !== 'text') continue
      const before = Math.floor(length / progressCharacters)
      length += event.text.length
      if (Math.floor(length / progressCharacters) > before)
        context.onChunk(`${question.model}: ${length} characters so far`)
    }
  } catch (thrown) {
    context.signal.throwIfAborted()
    const { message } = asChatError(thrown)
    return { content: `The model could not answer: ${message}`, isError: true }
  } finally {
    own.signal.release()
  }
  const isCut = fold.isCut || fold.choices[0]?.finish === 'length'
  const answer = wordsOf(fold.parts())
  return { content: isCut ? `${answer}\n[The answer was cut off here.]` : answer, isError: false }
}

function requestFor({ model, prompt, system, maxTokens }: ModelQuestion): ChatRequest {
  const messages: readonly Message[] = [
    ...(system === undefined ? [] : [{ role: 'system' as const, content: [{ type: 'text' as const, text: system }] }]),
    { role: 'user', content: [{ type: 'text', text: prompt }] },
  ]
  const limits =
    maxTokens === undefined
      ? { parameters: {}, spelling: {} }
      : { parameters: { maxTokens }, spelling: { maxTokens: 'max_tokens' } }
  return { dialect, model, messages, ...limits, extra: {}, stream: true }
}

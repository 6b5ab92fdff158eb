import type { Message } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Prefix } from '../../providers/provider.ts'
import type { CountTokens } from '../layers/estimate.ts'
import type { SaidText } from './said-text.ts'

/** Gives an upstream the beginning of its answer, in its own way. What was sent before stays as it was. */
export function askWithPrefix(request: ChatRequest, { text }: SaidText, { message, body }: Prefix): ChatRequest {
  const beginning: Message = { ...answerSoFar(text), ...(message && { extra: message }) }
  return withMessages(body ? { ...request, extra: mergeExtras(request.extra, body) } : request, [beginning])
}

/** Asks a model to repeat the end of its answer, and to go on. What was sent before stays as it was. */
export function askWithAnchor(
  request: ChatRequest,
  { text, anchor }: { readonly text: string; readonly anchor: string },
  countTokens: CountTokens,
): ChatRequest {
  const { maxTokens } = request.parameters
  const longer = maxTokens === undefined ? {} : { maxTokens: maxTokens + countTokens(anchor) }
  const instruction: Message = { role: 'user', content: [{ type: 'text', text: instructionFor(anchor) }] }
  return withMessages({ ...request, parameters: { ...request.parameters, ...longer } }, [
    answerSoFar(text),
    instruction,
  ])
}

function instructionFor(anchor: string): string {
  return `The connection broke off within your last answer. Continue that answer: it is joined to what you write now. Begin by repeating, word for word, the end of it that stands below, and go on from there at once. Do not apologise, do not introduce or quote anything, and do not repeat more than this.

${anchor}`
}

function answerSoFar(text: string): Message {
  return { role: 'assistant', content: [{ type: 'text', text }] }
}

function withMessages(request: ChatRequest, added: readonly Message[]): ChatRequest {
  const { native: _native, broken: _broken, ...others } = request
  return { ...others, messages: [...request.messages, ...added] }
}

function mergeExtras(extra: ChatRequest['extra'], added: ChatRequest['extra']): ChatRequest['extra'] {
  const merged = Object.entries(added).map(([dialect, fields]) => [dialect, { ...extra[dialect], ...fields }])
  return { ...extra, ...Object.fromEntries(merged) }
}

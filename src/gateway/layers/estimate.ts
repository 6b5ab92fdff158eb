import type { Layer } from '../../chat/chat.ts'
import type { ChatEvent, Usage } from '../../chat/event.ts'
import { textOf } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { type Ending, watch } from '../../chat/watch.ts'

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number

/**
 * Usage where an upstream sends none: counted from what was said, and marked as an estimate. An answer that breaks off
 * keeps it too, since what was said so far has been paid for.
 */
export function estimate(countTokens: CountTokens): Layer {
  return (next) => (request, call) => {
    const said: string[] = []
    let isCounted = false
    return watch(next(request, call), {
      passed(event) {
        if (event.type === 'usage') isCounted = true
        else if (!isCounted) said.push(saidIn(event))
      },
      last(ending) {
        if (isCounted || !isPaid(ending, said)) return undefined
        isCounted = true
        return usageOf(request, said.join(''), countTokens)
      },
    })
  }
}

function isPaid(ending: Ending, said: readonly string[]): boolean {
  return ending.kind !== 'failed' || (ending.error.reason !== 'cancelled' && said.some((words) => words !== ''))
}

function saidIn(event: ChatEvent): string {
  switch (event.type) {
    case 'text':
    case 'reasoning':
      return event.text
    case 'tool-call':
      return event.name
    case 'tool-arguments':
      return event.json
    default:
      return ''
  }
}

/** Tokens that frame a message, and that open the answer: what OpenAI's models add to the text itself. */
const perMessage = 3
const perAnswer = 3

function usageOf({ messages, parameters }: ChatRequest, said: string, countTokens: CountTokens): ChatEvent {
  const asked = messages.map(
    (message) => textOf(message.content) + (message.role === 'assistant' ? callsIn(message) : ''),
  )
  const tools = parameters.tools ? JSON.stringify(parameters.tools) : ''
  const inputTokens = countTokens(asked.join('\n') + tools) + messages.length * perMessage + perAnswer
  const outputTokens = countTokens(said)
  const usage: Usage = { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, source: 'estimate' }
  return { type: 'usage', choice: 0, usage }
}

function callsIn({
  toolCalls,
}: {
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[]
}): string {
  return toolCalls.map((call) => call.name + call.arguments).join('')
}

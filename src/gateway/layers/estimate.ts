import type { Layer } from '../../chat/chat.ts'
import type { ChatEvent, Usage } from '../../chat/event.ts'
import { textOf } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => Promise<number>

/**
 * Usage where an upstream sends none: counted from what was said, and marked as an estimate. An answer that breaks off
 * keeps it too, since what was said so far has been paid for.
 */
export function estimate(countTokens: CountTokens): Layer {
  return (next) =>
    async function* (request, call) {
      const said: string[] = []
      let isCounted = false
      try {
        for await (const event of next(request, call)) {
          isCounted ||= event.type === 'usage'
          if (!isCounted) said.push(saidIn(event))
          yield event
        }
      } catch (thrown) {
        if (!isCounted && said.length > 0) yield await usageOf(request, said.join(''), countTokens)
        throw thrown
      }
      if (!isCounted) yield await usageOf(request, said.join(''), countTokens)
    }
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

async function usageOf({ messages, parameters }: ChatRequest, said: string, countTokens: CountTokens): Promise<ChatEvent> {
  const asked = messages.map(({ content, ...message }) => `${textOf(content)}${message.role === 'assistant' ? message.toolCalls.map((call) => call.name + call.arguments).join('') : ''}`)
  const tools = parameters.tools ? JSON.stringify(parameters.tools) : ''
  const inputTokens = (await countTokens(`${asked.join('\n')}${tools}`)) + messages.length * perMessage + perAnswer
  const outputTokens = await countTokens(said)
  const usage: Usage = { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, source: 'estimate' }
  return { type: 'usage', choice: 0, usage }
}

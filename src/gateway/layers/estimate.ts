import type { Layer } from '../../chat/chat.ts'
import { asChatError } from '../../chat/error.ts'
import type { ChatEvent, Usage } from '../../chat/event.ts'
import { textOf } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number

/**
 * Usage where an upstream sends none: counted from what was said, and marked as an estimate. An answer that breaks off
 * keeps it too, since what was said so far has been paid for.
 */
export function estimate(countTokens: CountTokens): Layer {
  return (next) => (request, call) => {
    const stream = new Estimated(next(request, call), (said) => usageOf(request, said, countTokens))
    return { [Symbol.asyncIterator]: () => stream }
  }
}

type Step = IteratorResult<ChatEvent>

class Estimated implements AsyncIterator<ChatEvent> {
  readonly #source: AsyncIterator<ChatEvent>
  readonly #count: (said: string) => ChatEvent
  #said: string[] = []
  #isCounted = false
  /** What comes after the estimate: the end, or a failure. */
  #after: (() => Promise<Step>) | undefined

  constructor(events: AsyncIterable<ChatEvent>, count: (said: string) => ChatEvent) {
    this.#source = events[Symbol.asyncIterator]()
    this.#count = count
  }

  next(): Promise<Step> {
    return this.#after ? this.#after() : this.#source.next().then(this.#onStep, this.#onFailure)
  }

  async return(): Promise<Step> {
    this.#isCounted = true
    this.#said = []
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  readonly #onStep = (step: Step): Step | Promise<Step> => {
    if (step.done) return this.#end(() => Promise.resolve(step))
    if (step.value.type === 'usage') {
      this.#isCounted = true
      this.#said = []
    } else if (!this.#isCounted) this.#said.push(saidIn(step.value))
    return step
  }

  readonly #onFailure = (thrown: unknown): Promise<Step> => {
    const isWanted = this.#said.some((said) => said !== '') && asChatError(thrown).reason !== 'cancelled'
    this.#isCounted ||= !isWanted
    return this.#end(() => Promise.reject(thrown))
  }

  #end(after: () => Promise<Step>): Promise<Step> {
    this.#after = after
    if (this.#isCounted) return after()
    this.#isCounted = true
    return Promise.resolve({ done: false, value: this.#count(this.#said.join('')) })
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

import type { ChatEvent, Usage } from '../../chat/event.ts'
import { GatheredText } from '../../chat/gathered-text.ts'
import { isLong, jsonPieces, roughLength } from '../../chat/json-pieces.ts'
import { callsOf, type Message, textOf } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Layer } from '../../flow/chat.ts'
import type { Batch } from '../../flow/flow.ts'
import { type Ending, type Watcher, watch } from '../../flow/watch.ts'
import { type AnsweringUpstream, AnswerNotes } from './answer-notes.ts'

/**
 * Counts the tokens of a text. If `length` is given, `text` is only its beginning, and the rest is taken to be similar.
 */
export type CountTokens = (text: string, length?: number) => number

export interface EstimateOptions extends AnsweringUpstream {
  readonly countTokens: CountTokens
}

/**
 * Estimates the usage if the upstream sends none, and marks it as an estimate. An interrupted answer gets one too,
 * because its text so far has been paid for. At the end the usage is noted, also if nobody reads it any more.
 */
export function estimate({ countTokens, ...source }: EstimateOptions): Layer {
  return (next) => (request, call) => {
    const watcher = new Estimate(request, { countTokens, notes: new AnswerNotes(source, call) })
    return watch(next(request, call), watcher)
  }
}

/** The usage of one answer: its upstream's, or an estimate. */
class Estimate implements Watcher {
  readonly #request: ChatRequest
  readonly #countTokens: CountTokens
  readonly #notes: AnswerNotes
  #answerTokens: AnswerTokens | undefined
  #usage: Usage | undefined

  constructor(
    request: ChatRequest,
    { countTokens, notes }: { readonly countTokens: CountTokens; readonly notes: AnswerNotes },
  ) {
    this.#request = request
    this.#countTokens = countTokens
    this.#notes = notes
  }

  onBatch(batch: Batch): void {
    for (const event of batch) if (event.type === 'usage') this.#usage = event.usage
    if (!this.#usage) for (const event of batch) this.#add(textOfEvent(event))
  }

  addAtEnd(ending: Ending): ChatEvent | undefined {
    if (this.#usage || !this.#isPaid(ending)) return undefined
    this.#usage = this.#estimated()
    return { type: 'usage', choice: 0, usage: this.#usage }
  }

  onEnd(ending: Ending): void {
    if (this.#notes.wasLeft(ending)) this.#usage ??= this.#estimated()
    if (this.#usage) this.#notes.add({ model: this.#request.model }, this.#usage)
  }

  #add(words: string): void {
    if (words === '') return
    this.#answerTokens ??= new AnswerTokens(this.#countTokens)
    this.#answerTokens.add(words)
  }

  #isPaid(ending: Ending): boolean {
    return ending.kind !== 'failed' || (ending.error.reason !== 'cancelled' && this.#answerTokens !== undefined)
  }

  #estimated(): Usage {
    return usageOf(this.#request, this.#answerTokens?.tokens() ?? 0, this.#countTokens)
  }
}

/** Characters that are counted together. A longer answer is counted in pieces, so that it need not be kept. */
const partLength = 64 * 1024

/** Counts the tokens of an answer. Only its last piece is kept. */
class AnswerTokens {
  readonly #countTokens: CountTokens
  readonly #piece = new GatheredText()
  #counted = 0

  constructor(countTokens: CountTokens) {
    this.#countTokens = countTokens
  }

  add(words: string): void {
    this.#piece.add(words)
    if (this.#piece.length >= partLength) this.#count()
  }

  tokens(): number {
    this.#count()
    return this.#counted
  }

  #count(): void {
    this.#counted += this.#countTokens(this.#piece.take())
  }
}

function textOfEvent(event: ChatEvent): string {
  switch (event.type) {
    case 'text':
    case 'refusal':
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

/** Limit for the characters of a request that are kept. It is higher than the number that is counted. */
const maxOpening = 256 * 1024
/** Tokens that OpenAI's models add to each message, and to the answer. */
const perMessage = 3
const perAnswer = 3

function usageOf({ messages, parameters }: ChatRequest, outputTokens: number, countTokens: CountTokens): Usage {
  const opening = new Opening()
  for (const [at, message] of messages.entries()) {
    if (at > 0) opening.add('\n')
    opening.add(textOfMessage(message))
  }
  if (parameters.tools) opening.addJson(parameters.tools)
  const inputTokens = countTokens(opening.text, opening.length) + messages.length * perMessage + perAnswer
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, source: 'estimate' }
}

/** Keeps the beginning of a text, and its length. The whole text would be another copy of the request. */
class Opening {
  text = ''
  length = 0

  add(text: string): void {
    if (this.text.length < maxOpening) this.text += text.slice(0, maxOpening)
    this.length += text.length
  }

  /** Adds the JSON of a value. */
  addJson(value: unknown): void {
    if (!isLong(value)) {
      this.add(JSON.stringify(value))
      return
    }
    for (const piece of jsonPieces(value)) {
      if (this.text.length >= maxOpening) break
      this.text += piece
    }
    this.length += roughLength(value)
  }
}

function textOfMessage(message: Message): string {
  const calls = callsOf(message).map((call) => call.name + call.arguments)
  return [textOf(message.content), ...calls].join('')
}

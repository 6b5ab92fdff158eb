import { type Answer, type AnswerError, type AnswerUsage, emptyAnswer, type Receipt, type ToolCall } from './types.ts'

/** A chunk of `POST /v1/chat/completions`, as far as it is read here. */
interface Chunk {
  readonly choices?: readonly {
    readonly index?: number
    readonly delta?: Delta
    readonly finish_reason?: string | null
  }[]
  readonly usage?: WireUsage | null
  readonly error?: { readonly message?: unknown; readonly code?: unknown }
}

interface Delta {
  readonly content?: unknown
  readonly reasoning_content?: unknown
  readonly reasoning?: unknown
  readonly refusal?: unknown
  readonly tool_calls?: readonly CallDelta[] | null
}

interface CallDelta {
  readonly index?: number
  readonly id?: string
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

interface WireUsage {
  readonly prompt_tokens?: number
  readonly completion_tokens?: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number } | null
  readonly estimated?: boolean
  readonly cost?: number | { readonly total_cost?: number }
}

/** An answer that is being received. It is added to in place, because a copy for each chunk would cost more and more. */
export class AnswerDraft {
  #text = ''
  #reasoning = ''
  #refusal = ''
  #isBegun = false
  readonly #calls: { id: string; name: string; arguments: string }[] = []
  #notes: readonly string[] = []
  #finish: string | undefined
  #usage: AnswerUsage | undefined
  #error: AnswerError | undefined
  readonly #receipt: Receipt
  readonly #startedAt: number
  #firstMs: number | undefined

  constructor(receipt: Receipt, startedAt: number) {
    this.#receipt = receipt
    this.#startedAt = startedAt
  }

  get error(): AnswerError | undefined {
    return this.#error
  }

  /** Adds the data of one event, at a time in milliseconds. What is no JSON of a chunk is left out. */
  add(data: string, at: number): void {
    const chunk = parsed(data)
    if (!chunk) return
    if (chunk.error) this.#error = errorOf(chunk.error)
    if (chunk.usage) this.#usage = usageOf(chunk.usage)
    const choice = chunk.choices?.find(({ index = 0 }) => index === 0)
    if (choice?.delta) this.#addDelta(choice.delta)
    if (choice?.finish_reason) this.#finish = choice.finish_reason
    if (this.#isBegun) this.#firstMs ??= at - this.#startedAt
  }

  /** Adds a comment of the stream. Those that only keep it alive say nothing. */
  addComment(comment: string): void {
    const said = comment.trim()
    if (said.startsWith('continued by')) this.#notes = [...this.#notes, said]
  }

  #addDelta(delta: Delta): void {
    const { content, reasoning_content, reasoning, refusal } = delta
    this.#text += textOf(content, 'text')
    this.#reasoning += textOf(reasoning_content ?? reasoning, 'text') + textOf(content, 'thinking')
    this.#refusal += textOf(refusal, 'text')
    for (const call of delta.tool_calls ?? []) this.#addCall(call)
    this.#isBegun ||= this.#text + this.#reasoning + this.#refusal !== '' || this.#calls.length > 0
  }

  #addCall({
    index = this.#calls.length,
    id = '',
    function: { name = '', arguments: json = '' } = {},
  }: CallDelta): void {
    const known = this.#calls[index]
    if (known) {
      known.name += name
      known.arguments += json
    } else if (this.#calls.length < maxCalls) this.#calls[index] = { id, name, arguments: json }
  }

  /** The answer so far. */
  snapshot(state: Answer['state'], at: number): Answer {
    return {
      ...emptyAnswer,
      ...{ state, text: this.#text, reasoning: this.#reasoning, refusal: this.#refusal, notes: this.#notes },
      calls: this.#calls.filter((call) => call !== undefined).map((call): ToolCall => ({ ...call })),
      ...{ finish: this.#finish, usage: this.#usage, error: this.#error, receipt: this.#receipt },
      ...{ firstMs: this.#firstMs, tookMs: at - this.#startedAt, costUsd: this.#usage?.statedCost },
    }
  }
}

const maxCalls = 128

function parsed(data: string): Chunk | undefined {
  try {
    const value: Chunk | null = JSON.parse(data)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** A text, or the texts of the parts of this type: Mistral sends thoughts as parts of the content. */
function textOf(value: unknown, type: 'text' | 'thinking'): string {
  if (typeof value === 'string') return type === 'text' ? value : ''
  if (!Array.isArray(value)) return ''
  return value.map((part: unknown) => partText(part, type)).join('')
}

function partText(part: unknown, type: 'text' | 'thinking'): string {
  if (typeof part !== 'object' || part === null || !('type' in part) || part.type !== type) return ''
  if (type === 'thinking') return 'thinking' in part ? textOf(part.thinking, 'text') : ''
  return 'text' in part && typeof part.text === 'string' ? part.text : ''
}

function usageOf(usage: WireUsage): AnswerUsage {
  const { cost } = usage
  return {
    input: usage.prompt_tokens,
    cached: usage.prompt_tokens_details?.cached_tokens,
    output: usage.completion_tokens,
    reasoning: usage.completion_tokens_details?.reasoning_tokens,
    isEstimate: usage.estimated === true,
    statedCost: typeof cost === 'object' ? cost?.total_cost : cost,
  }
}

function errorOf({ message, code }: NonNullable<Chunk['error']>): AnswerError {
  return {
    message: typeof message === 'string' ? message : '?',
    code: typeof code === 'string' ? code : 'unknown',
    status: undefined,
  }
}

import type { StreamEvent } from '../http/events.ts'
import {
  callsOf,
  type End,
  type Json,
  type Piece,
  type Talk,
  type Tool,
  type Turn,
  textOf,
  type Usage,
} from '../talk/talk.ts'
import { pngOf } from '../upstream/dialect.ts'
import { type ClientDialect, messageOf, openaiErrorProblem, Pieces, type Reading, type StreamFold } from './dialect.ts'

// source: OpenAI's API reference, Chat Completions

const ends: Readonly<Record<string, End>> = {
  stop: 'stop',
  tool_calls: 'calls',
  length: 'length',
  content_filter: 'filter',
}

function contentOf(pieces: readonly Piece[]): unknown {
  if (pieces.every((piece) => 'text' in piece)) return textOf(pieces)
  return pieces.map((piece) =>
    'picture' in piece
      ? { type: 'image_url', image_url: { url: pngOf(piece.picture) } }
      : { type: 'text', text: textOf([piece]) },
  )
}

function messagesOf(turn: Turn): readonly object[] {
  if (turn.by === 'tools')
    return turn.results.map(({ call, pieces }) => ({ role: 'tool', tool_call_id: call, content: contentOf(pieces) }))
  if (turn.by !== 'model') return [{ role: turn.by, content: contentOf(turn.pieces) }]
  const calls = callsOf(turn.pieces).map(({ call: id, name, json }) => ({
    ...{ id, type: 'function' },
    function: { name, arguments: json },
  }))
  const text = textOf(turn.pieces)
  return [
    {
      role: 'assistant',
      content: text || (calls.length > 0 ? null : ''),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
  ]
}

const toolOf = ({ name, description, schema }: Tool) => ({
  type: 'function',
  function: { name, ...(description && { description }), parameters: schema },
})

function choiceOf(choice: Talk['choice']): unknown {
  return typeof choice === 'object' ? { type: 'function', function: { name: choice.name } } : choice
}

function write({ turns, tools, choice, isSingle, maxTokens, temperature, topP, stop }: Talk): Record<string, unknown> {
  return {
    messages: turns.flatMap(messagesOf),
    ...(tools && { tools: tools.map(toolOf) }),
    ...(choice && { tool_choice: choiceOf(choice) }),
    ...(isSingle && { parallel_tool_calls: false }),
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(stop && { stop }),
  }
}

function usageOf(usage: Json): Usage {
  const cached = usage.prompt_tokens_details?.cached_tokens
  const reasoning = usage.completion_tokens_details?.reasoning_tokens
  return {
    input: usage.prompt_tokens,
    output: usage.completion_tokens,
    ...(typeof cached === 'number' && { cached }),
    ...(typeof reasoning === 'number' && { reasoning }),
  }
}

function whole(body: Json): Reading {
  if (body.error) return { pieces: [], error: messageOf(body.error), isEnded: true, problems: [] }
  const { message, finish_reason } = body.choices[0]
  const thought = message.reasoning_content ?? message.reasoning
  const calls = (message.tool_calls ?? []).map((one: Json) => ({
    ...{ call: one.id, name: one.function.name },
    json: one.function.arguments,
  }))
  return {
    pieces: [...(thought ? [{ thought }] : []), ...(message.content ? [{ text: message.content }] : []), ...calls],
    end: ends[finish_reason] ?? 'unknown',
    ...(body.usage && { usage: usageOf(body.usage) }),
    isEnded: true,
    problems: [],
  }
}

class ChatFold implements StreamFold {
  readonly #pieces = new Pieces()
  readonly #problems: string[] = []
  readonly #ids = new Set<string>()
  readonly #calls: ((json: string) => void)[] = []
  #end: End | undefined
  #usage: Usage | undefined
  #error: string | undefined
  #isDone = false

  push({ data }: StreamEvent): void {
    if (this.#isDone) this.#problems.push(`there is an event after [DONE]: ${data.slice(0, 80)}`)
    if (data === '[DONE]') {
      this.#isDone = true
      return
    }
    const chunk: Json = JSON.parse(data)
    if (chunk.error) {
      this.#error = messageOf(chunk.error)
      return
    }
    this.#ids.add(chunk.id)
    if (chunk.usage) this.#count(chunk.usage)
    for (const choice of chunk.choices ?? []) this.#choice(choice)
  }

  #count(usage: Json): void {
    // some gateways repeat the same usage in the last chunks, which is harmless; two different ones are not
    const read = usageOf(usage)
    if (this.#usage && JSON.stringify(this.#usage) !== JSON.stringify(read))
      this.#problems.push('there are two different usages')
    this.#usage = read
  }

  #choice({ delta, finish_reason }: Json): void {
    const hasContent = delta?.content || delta?.tool_calls?.length > 0
    if (this.#end && hasContent) this.#problems.push('there is content after finish_reason')
    const thought = delta?.reasoning_content ?? delta?.reasoning
    if (thought) this.#pieces.add('thought', thought)
    if (delta?.content) this.#pieces.add('text', delta.content)
    for (const one of delta?.tool_calls ?? []) this.#call(one)
    if (!finish_reason) return
    if (this.#end) this.#problems.push('there are two finish_reasons')
    this.#end = ends[finish_reason] ?? 'unknown'
  }

  #call({ index, id, function: called }: Json): void {
    if (index === this.#calls.length) {
      if (!id || !called?.name) this.#problems.push(`the tool call with index ${index} begins without id or name`)
      this.#calls.push(this.#pieces.call(id ?? '', called?.name ?? ''))
    } else if (!(index in this.#calls))
      this.#problems.push(`a tool call has index ${index} after ${this.#calls.length} calls`)
    this.#calls[index]?.(called?.arguments ?? '')
  }

  reading(): Reading {
    const ids = this.#ids.size > 1 ? [`the chunks have ${this.#ids.size} ids`] : []
    return {
      pieces: this.#pieces.all(),
      ...(this.#end && { end: this.#end }),
      ...(this.#usage && { usage: this.#usage }),
      ...(this.#error !== undefined && { error: this.#error }),
      isEnded: this.#isDone,
      problems: [...this.#problems, ...ids],
    }
  }
}

export const chat: ClientDialect = { write, whole, fold: () => new ChatFold(), errorProblem: openaiErrorProblem }

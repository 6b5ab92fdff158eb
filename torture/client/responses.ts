import type { StreamEvent } from '../http/events.ts'
import type { End, Json, Piece, Talk, Turn, Usage } from '../talk/talk.ts'
import { textOf, thoughtOf } from '../talk/talk.ts'
import { pngOf } from '../upstream/dialect.ts'
import { type ClientDialect, messageOf, openaiErrorProblem, Pieces, type Reading, type StreamFold } from './dialect.ts'

// source: OpenAI's API reference, Responses, and its page on streaming events

function partOf(piece: Piece): object {
  if ('picture' in piece) return { type: 'input_image', image_url: pngOf(piece.picture) }
  return { type: 'input_text', text: textOf([piece]) }
}

function itemOf(piece: Piece): object {
  if ('thought' in piece)
    return { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: piece.thought }] }
  if ('call' in piece) return { type: 'function_call', call_id: piece.call, name: piece.name, arguments: piece.json }
  return { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: textOf([piece]) }] }
}

function itemsOf(turn: Turn): readonly object[] {
  if (turn.by === 'model') return turn.pieces.map(itemOf)
  if (turn.by !== 'tools') return [{ role: turn.by, content: turn.pieces.map(partOf) }]
  return turn.results.map(({ call, pieces }) => ({
    ...{ type: 'function_call_output', call_id: call },
    output: pieces.every((piece) => 'text' in piece) ? textOf(pieces) : pieces.map(partOf),
  }))
}

function choiceOf(choice: Talk['choice']): unknown {
  return typeof choice === 'object' ? { type: 'function', name: choice.name } : choice
}

function write({ turns, tools, choice, isSingle, maxTokens, temperature, topP }: Talk): Record<string, unknown> {
  const first = turns[0]?.by === 'system' ? turns[0] : undefined
  return {
    store: false,
    ...(first && { instructions: textOf(first.pieces) }),
    input: (first ? turns.slice(1) : turns).flatMap(itemsOf),
    ...(tools && {
      tools: tools.map(({ schema, ...tool }) => ({ type: 'function', ...tool, parameters: schema, strict: false })),
    }),
    ...(choice && { tool_choice: choiceOf(choice) }),
    ...(isSingle && { parallel_tool_calls: false }),
    ...(maxTokens !== undefined && { max_output_tokens: maxTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
  }
}

function usageOf(usage: Json): Usage {
  return {
    input: usage.input_tokens,
    output: usage.output_tokens,
    cached: usage.input_tokens_details?.cached_tokens ?? 0,
    reasoning: usage.output_tokens_details?.reasoning_tokens ?? 0,
  }
}

function piecesOf(item: Json): readonly Piece[] {
  if (item.type === 'function_call') return [{ call: item.call_id, name: item.name, json: item.arguments }]
  if (item.type === 'reasoning') {
    const parts = [...(item.summary ?? []), ...(item.content ?? [])]
    const thought = parts.map(({ text }: Json) => text).join('')
    return thought === '' ? [] : [{ thought }]
  }
  if (item.type !== 'message') return []
  return item.content.flatMap((part: Json) => (part.text ? [{ text: part.text }] : []))
}

function whole(body: Json): Reading {
  if (body.error) return { pieces: [], error: messageOf(body.error), isEnded: true, problems: [] }
  const pieces: readonly Piece[] = body.output.flatMap(piecesOf)
  const reasons: Readonly<Record<string, End>> = { max_output_tokens: 'length', content_filter: 'filter' }
  // clients of this dialect see by the items whether there are calls
  const completed = pieces.some((piece) => 'call' in piece) ? 'calls' : 'stop'
  return {
    pieces,
    end: body.status === 'completed' ? completed : (reasons[body.incomplete_details?.reason] ?? 'unknown'),
    ...(body.usage && { usage: usageOf(body.usage) }),
    isEnded: true,
    problems: [],
  }
}

class ResponsesFold implements StreamFold {
  readonly #pieces = new Pieces()
  readonly #problems: string[] = []
  #misnamed: string | undefined
  readonly #open = new Map<number, (json: string) => void>()
  #items = 0
  #sequence = -1
  #last: Reading | undefined
  #error: string | undefined

  push({ data, event: name }: StreamEvent): void {
    if (data === '[DONE]') return
    const event: Json = JSON.parse(data)
    if (name !== event.type) this.#misnamed ??= `the event ${name ?? 'without a name'} has data of type ${event.type}`
    if (this.#last) this.#problems.push(`there is ${event.type} after the last event`)
    if (this.#sequence === -1 && !['response.created', 'error', 'response.failed'].includes(event.type))
      this.#problems.push(`the first event is ${event.type}`)
    if (!(event.sequence_number > this.#sequence))
      this.#problems.push(`sequence_number ${event.sequence_number} does not grow`)
    this.#sequence = event.sequence_number ?? this.#sequence
    this.#step(event)
  }

  #step(event: Json): void {
    switch (event.type) {
      case 'response.output_item.added':
        this.#begin(event)
        return
      case 'response.output_item.done':
        if (!this.#open.delete(event.output_index))
          this.#problems.push(`item ${event.output_index} ends but is not open`)
        return
      case 'response.output_text.delta':
        this.#check(event)
        this.#pieces.add('text', event.delta)
        return
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        this.#check(event)
        this.#pieces.add('thought', event.delta)
        return
      case 'response.function_call_arguments.delta':
        this.#check(event)
        this.#open.get(event.output_index)?.(event.delta)
        return
      case 'response.completed':
      case 'response.incomplete':
        if (this.#open.size > 0) this.#problems.push('an item is still open at the end')
        this.#last = whole(event.response)
        return
      case 'response.failed':
        this.#error = messageOf(event.response?.error)
        return
      case 'error':
        this.#error = messageOf(event.error ?? event)
    }
  }

  #check({ type, output_index: index }: Json): void {
    if (!this.#open.has(index)) this.#problems.push(`${type} is for item ${index}, which is not open`)
  }

  #begin({ output_index: index, item }: Json): void {
    if (index !== this.#items) this.#problems.push(`item ${this.#items} has output_index ${index}`)
    this.#items++
    const isCall = item.type === 'function_call'
    this.#open.set(index, isCall ? this.#pieces.call(item.call_id, item.name) : () => undefined)
  }

  reading(): Reading {
    const pieces = this.#pieces.all()
    const isOther = this.#last && !isSame(pieces, this.#last.pieces)
    const other = isOther ? ['the deltas say something else than the response at the end'] : []
    return {
      pieces,
      ...(this.#last?.end && { end: this.#last.end }),
      ...(this.#last?.usage && { usage: this.#last.usage }),
      ...(this.#error !== undefined && { error: this.#error }),
      isEnded: this.#last !== undefined,
      problems: [...this.#problems, ...other],
      ...(this.#misnamed !== undefined && { misnamed: this.#misnamed }),
    }
  }
}

const isSame = (one: readonly Piece[], other: readonly Piece[]) =>
  textOf(one) === textOf(other) && thoughtOf(one) === thoughtOf(other)

export const responses: ClientDialect = {
  write,
  whole,
  fold: () => new ResponsesFold(),
  errorProblem: openaiErrorProblem,
}

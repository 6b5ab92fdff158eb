import type { StreamEvent } from '../http/events.ts'
import type { End, Json, Piece, Talk, ToolResult, Turn, Usage } from '../talk/talk.ts'
import { textOf } from '../talk/talk.ts'
import { type ClientDialect, messageOf, Pieces, type Reading, type StreamFold } from './dialect.ts'

// source: Anthropic's API reference, Messages, and its page on streaming

const ends: Readonly<Record<string, End>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  tool_use: 'calls',
  max_tokens: 'length',
  refusal: 'filter',
}

function blockOf(piece: Piece): object {
  if ('picture' in piece)
    return { type: 'image', source: { type: 'base64', media_type: 'image/png', data: piece.picture } }
  if ('thought' in piece) return { type: 'thinking', thinking: piece.thought, signature: piece.signature ?? '' }
  if ('call' in piece) return { type: 'tool_use', id: piece.call, name: piece.name, input: JSON.parse(piece.json) }
  return { type: 'text', text: piece.text }
}

const resultOf = ({ call, pieces, isFailed }: ToolResult): object => ({
  ...{ type: 'tool_result', tool_use_id: call, content: pieces.map(blockOf) },
  ...(isFailed && { is_error: true }),
})

/** The results of tools and the words of the user after them are one message. */
function messagesOf(turns: readonly Turn[]): readonly object[] {
  const written: { role: string; content: object[] }[] = []
  for (const turn of turns) {
    const role = turn.by === 'model' ? 'assistant' : 'user'
    const blocks = turn.by === 'tools' ? turn.results.map(resultOf) : turn.pieces.map(blockOf)
    const last = written.at(-1)
    if (last?.role === role) last.content.push(...blocks)
    else written.push({ role, content: blocks })
  }
  return written
}

function choiceOf({ choice, isSingle }: Talk): object | undefined {
  if (!choice && !isSingle) return undefined
  const type = choice === 'required' ? 'any' : choice
  return {
    ...(typeof type === 'object' ? { type: 'tool', name: type.name } : { type: type ?? 'auto' }),
    ...(isSingle && { disable_parallel_tool_use: true }),
  }
}

function write(talk: Talk): Record<string, unknown> {
  const { turns, tools, maxTokens = 512, temperature, topP, stop } = talk
  const first = turns[0]?.by === 'system' ? turns[0] : undefined
  const choice = choiceOf(talk)
  return {
    max_tokens: maxTokens,
    ...(first && { system: textOf(first.pieces) }),
    messages: messagesOf(first ? turns.slice(1) : turns),
    ...(tools && { tools: tools.map(({ schema, ...tool }) => ({ ...tool, input_schema: schema })) }),
    ...(choice && { tool_choice: choice }),
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(stop && { stop_sequences: stop }),
  }
}

function usageOf(usage: Json): Usage {
  const cached = usage.cache_read_input_tokens ?? 0
  return {
    input: usage.input_tokens + cached + (usage.cache_creation_input_tokens ?? 0),
    output: usage.output_tokens,
    cached,
  }
}

function pieceOf(block: Json): readonly Piece[] {
  if (block.type === 'text') return block.text === '' ? [] : [{ text: block.text }]
  if (block.type === 'thinking') return [{ thought: block.thinking, signature: block.signature }]
  if (block.type === 'tool_use') return [{ call: block.id, name: block.name, json: JSON.stringify(block.input) }]
  return []
}

function whole(body: Json): Reading {
  if (body.error) return { pieces: [], error: messageOf(body.error), isEnded: true, problems: [] }
  return {
    pieces: body.content.flatMap(pieceOf),
    end: ends[body.stop_reason] ?? 'unknown',
    ...(body.usage && { usage: usageOf(body.usage) }),
    isEnded: true,
    problems: [],
  }
}

class MessagesFold implements StreamFold {
  readonly #pieces = new Pieces()
  readonly #problems: string[] = []
  #misnamed: string | undefined
  #usage: Json
  #open: { readonly index: number; readonly type: string; readonly add: (json: string) => void } | undefined
  #blocks = 0
  #end: End | undefined
  #error: string | undefined
  #isBegun = false
  #isDone = false

  push({ data, event: name }: StreamEvent): void {
    const event: Json = JSON.parse(data)
    if (name !== event.type) this.#misnamed ??= `the event ${name ?? 'without a name'} has data of type ${event.type}`
    if (this.#isDone) this.#problems.push(`there is ${event.type} after message_stop`)
    if (!this.#isBegun && !['message_start', 'ping', 'error'].includes(event.type))
      this.#problems.push(`there is ${event.type} before message_start`)
    this.#step(event)
  }

  #step(event: Json): void {
    switch (event.type) {
      case 'message_start':
        if (this.#isBegun) this.#problems.push('there are two message_start')
        this.#isBegun = true
        this.#usage = event.message.usage
        return
      case 'content_block_start':
        this.#begin(event)
        return
      case 'content_block_delta':
        this.#delta(event)
        return
      case 'content_block_stop':
        if (this.#open?.index !== event.index) this.#problems.push(`block ${event.index} stops but is not open`)
        this.#open = undefined
        return
      case 'message_delta':
        if (this.#open) this.#problems.push(`block ${this.#open.index} is still open at message_delta`)
        this.#end = ends[event.delta.stop_reason] ?? 'unknown'
        this.#usage = { ...this.#usage, ...event.usage }
        return
      case 'message_stop':
        if (!this.#end) this.#problems.push('there is no message_delta with a stop_reason before message_stop')
        this.#isDone = true
        return
      case 'error':
        this.#error = messageOf(event.error)
    }
  }

  #begin({ index, content_block: block }: Json): void {
    if (this.#open) this.#problems.push(`block ${index} begins while block ${this.#open.index} is open`)
    if (index !== this.#blocks) this.#problems.push(`block ${this.#blocks} has index ${index}`)
    if (this.#end) this.#problems.push(`block ${index} begins after message_delta`)
    this.#blocks++
    const isCall = block.type === 'tool_use'
    const add = isCall ? this.#pieces.call(block.id, block.name) : () => undefined
    this.#open = { index, type: block.type, add }
    if (!isCall) this.#pieces.begin(block.type === 'thinking' ? 'thought' : 'text')
    if (block.text) this.#pieces.add('text', block.text)
    if (block.thinking) this.#pieces.add('thought', block.thinking)
  }

  #delta({ index, delta }: Json): void {
    const open = this.#open
    if (!open || open.index !== index) {
      this.#problems.push(`a delta is for block ${index}, which is not open`)
      return
    }
    if (delta.type === 'text_delta') this.#pieces.add('text', delta.text)
    if (delta.type === 'thinking_delta') this.#pieces.add('thought', delta.thinking)
    if (delta.type === 'signature_delta') this.#pieces.sign(delta.signature)
    if (delta.type === 'input_json_delta') open.add(delta.partial_json)
  }

  reading(): Reading {
    return {
      pieces: this.#pieces.all(),
      ...(this.#end && { end: this.#end }),
      ...(this.#usage && { usage: usageOf(this.#usage) }),
      ...(this.#error !== undefined && { error: this.#error }),
      isEnded: this.#isDone,
      problems: this.#problems,
      ...(this.#misnamed !== undefined && { misnamed: this.#misnamed }),
    }
  }
}

function errorProblem(body: Json): string | undefined {
  if (body?.type !== 'error') return 'the body has no "type": "error"'
  return typeof body.error?.type === 'string' && typeof body.error.message === 'string'
    ? undefined
    : 'the body has no error.type or no error.message'
}

export const messages: ClientDialect = { write, whole, fold: () => new MessagesFold(), errorProblem }

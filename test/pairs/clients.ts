import type { End, Piece, Reply, Talk, ToolResult, Turn } from './talk.ts'
import { textOf } from './talk.ts'

/** A client's dialect, written and read by hand from its documentation, without any code of the program. */
export interface Client {
  readonly path: string
  /** The body of a request, without `model` and `stream`. */
  write(talk: Talk): object
  /** Reads a whole answer. */
  whole(body: Json): Reply
  /** Reads the data of the events of a stream. */
  stream(events: readonly Json[]): Reply
}

/** Parsed JSON. A wrong shape fails the test. */
export type Json = ReturnType<typeof JSON.parse>

const schema = { type: 'object', properties: { city: { type: 'string' } } }
const pngUrl = (data: string) => `data:image/png;base64,${data}`
const pdfUrl = (data: string) => `data:application/pdf;base64,${data}`

// Chat Completions

function chatPart(piece: Piece): object {
  if ('picture' in piece) return { type: 'image_url', image_url: { url: pngUrl(piece.picture) } }
  if ('pdf' in piece) return { type: 'file', file: { file_data: pdfUrl(piece.pdf), filename: 'a.pdf' } }
  return { type: 'text', text: textOf([piece]) }
}

function chatContent(pieces: readonly Piece[]): unknown {
  return pieces.every((piece) => 'text' in piece) ? textOf(pieces) : pieces.map(chatPart)
}

function chatMessages(turn: Turn): readonly object[] {
  switch (turn.by) {
    case 'system':
    case 'user':
      return [{ role: turn.by, content: chatContent(turn.pieces) }]
    case 'tools':
      return turn.results.map(({ call, pieces }) => ({
        role: 'tool',
        tool_call_id: call,
        content: chatContent(pieces),
      }))
    case 'model': {
      const calls = turn.pieces.flatMap((piece) =>
        'call' in piece
          ? [
              {
                id: piece.call,
                type: 'function',
                function: { name: piece.name, arguments: JSON.stringify(piece.input) },
              },
            ]
          : [],
      )
      const thoughts = thoughtsOf(turn.pieces)
      return [
        {
          role: 'assistant',
          content: textOf(turn.pieces) || (calls.length > 0 ? null : ''),
          ...(thoughts !== '' && { reasoning_content: thoughts }),
          ...(calls.length > 0 && { tool_calls: calls }),
        },
      ]
    }
  }
}

const thoughtsOf = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => ('thought' in piece ? piece.thought : '')).join('')

const chatEnds: Readonly<Record<string, End>> = {
  stop: 'stop',
  tool_calls: 'calls',
  length: 'length',
  content_filter: 'filter',
}

const chat: Client = {
  path: '/v1/chat/completions',
  write: ({ turns, tools, isSingle }) => ({
    messages: turns.flatMap(chatMessages),
    ...(tools && { tools: tools.map((name) => ({ type: 'function', function: { name, parameters: schema } })) }),
    ...(isSingle && { parallel_tool_calls: false }),
  }),
  whole: ({ choices: [{ message, finish_reason }] }) => ({
    pieces: [
      ...(message.reasoning_content ? [{ thought: message.reasoning_content }] : []),
      ...(message.content === null ? [] : [{ text: message.content }]),
      ...(message.tool_calls ?? []).map(callOfChat),
    ],
    end: chatEnds[finish_reason] ?? 'unknown',
  }),
  stream(events) {
    const order = new Pieces()
    const ids = new Map<number, string>()
    let end: End = 'unknown'
    for (const { choices } of events)
      for (const { delta, finish_reason } of choices) {
        if (delta.reasoning_content) order.think(delta.reasoning_content)
        if (delta.content) order.say(delta.content)
        for (const { index, id, function: called } of delta.tool_calls ?? []) {
          if (id && !ids.has(index)) {
            ids.set(index, id)
            order.open(id, called.name)
          }
          order.grow(ids.get(index) ?? '', called?.arguments ?? '')
        }
        if (finish_reason) end = chatEnds[finish_reason] ?? 'unknown'
      }
    return { pieces: order.pieces(), end }
  },
}

const callOfChat = ({ id, function: { name, arguments: json } }: Json): Piece => ({
  call: id,
  name,
  input: JSON.parse(json),
})

/** Gathers the pieces of a stream in their order. */
class Pieces {
  readonly #list: { kind: string; text: string; id: string; name: string; signature?: string }[] = []

  #last(kind: 'text' | 'thought') {
    const last = this.#list.at(-1)
    return last?.kind === kind ? last : this.begin(kind)
  }

  begin(kind: 'text' | 'thought'): { text: string; signature?: string } {
    const opened = { kind, text: '', id: '', name: '' }
    this.#list.push(opened)
    return opened
  }

  say(text: string): void {
    this.#last('text').text += text
  }

  think(text: string): void {
    this.#last('thought').text += text
  }

  sign(signature: string): void {
    this.#last('thought').signature = signature
  }

  open(id: string, name: string): void {
    this.#list.push({ kind: 'call', text: '', id, name })
  }

  grow(id: string, json: string): void {
    const open = this.#list.findLast((one) => one.kind === 'call' && one.id === id)
    if (!open) throw new Error(`arguments for no call: ${id}`)
    open.text += json
  }

  pieces(): readonly Piece[] {
    return this.#list.map(({ kind, text, id, name, signature }): Piece => {
      if (kind === 'text') return { text }
      if (kind === 'call') return { call: id, name, input: JSON.parse(text || '{}') }
      return { thought: text, ...(signature ? { signature } : {}) }
    })
  }
}

// Messages

function block(piece: Piece): object {
  if ('picture' in piece)
    return { type: 'image', source: { type: 'base64', media_type: 'image/png', data: piece.picture } }
  if ('pdf' in piece)
    return { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: piece.pdf } }
  if ('thought' in piece) return { type: 'thinking', thinking: piece.thought, signature: piece.signature ?? '' }
  if ('call' in piece) return { type: 'tool_use', id: piece.call, name: piece.name, input: piece.input }
  return { type: 'text', text: piece.text }
}

function resultBlock({ call, pieces, failed }: ToolResult): object {
  const content = pieces.map(block)
  return { type: 'tool_result', tool_use_id: call, content, ...(failed && { is_error: true }) }
}

/** The results of tools and the words of the user after them are one message. */
function messagesOf(turns: readonly Turn[]): readonly object[] {
  const written: { role: string; content: object[] }[] = []
  for (const turn of turns) {
    const role = turn.by === 'tools' ? 'user' : turn.by === 'model' ? 'assistant' : turn.by
    const blocks = turn.by === 'tools' ? turn.results.map(resultBlock) : turn.pieces.map(block)
    const last = written.at(-1)
    if (role === 'user' && last?.role === role) last.content.push(...blocks)
    else written.push({ role, content: blocks })
  }
  return written
}

const messageEnds: Readonly<Record<string, End>> = {
  end_turn: 'stop',
  tool_use: 'calls',
  max_tokens: 'length',
  refusal: 'filter',
}

function pieceOfBlock(one: Json): Piece {
  switch (one.type) {
    case 'text':
      return { text: one.text }
    case 'thinking':
      return { thought: one.thinking, ...(one.signature && { signature: one.signature }) }
    case 'tool_use':
      return { call: one.id, name: one.name, input: one.input }
    default:
      throw new Error(`an unexpected block: ${one.type}`)
  }
}

const messages: Client = {
  path: '/v1/messages',
  write: ({ turns, tools, isSingle }) => {
    const first = turns[0]?.by === 'system' ? turns[0] : undefined
    return {
      max_tokens: 500,
      ...(first && { system: textOf(first.pieces) }),
      messages: messagesOf(first ? turns.slice(1) : turns),
      ...(tools && { tools: tools.map((name) => ({ name, input_schema: schema })) }),
      ...(isSingle && { tool_choice: { type: 'auto', disable_parallel_tool_use: true } }),
    }
  },
  whole: ({ content, stop_reason }) => ({
    pieces: content.map(pieceOfBlock),
    end: messageEnds[stop_reason] ?? 'unknown',
  }),
  stream(events) {
    const order = new Pieces()
    let end: End = 'unknown'
    let open = ''
    for (const event of events) {
      if (event.type === 'content_block_start') {
        const { type, id, name } = event.content_block
        open = id ?? ''
        if (type === 'tool_use') order.open(id, name)
        // a block is a piece of its own, even if it stays empty
        else order.begin(type === 'text' ? 'text' : 'thought')
      }
      if (event.type === 'content_block_delta') {
        const { text, thinking, signature, partial_json } = event.delta
        if (text !== undefined) order.say(text)
        if (thinking !== undefined) order.think(thinking)
        if (signature !== undefined) order.sign(signature)
        if (partial_json !== undefined) order.grow(open, partial_json)
      }
      if (event.type === 'message_delta') end = messageEnds[event.delta.stop_reason] ?? 'unknown'
    }
    return { pieces: order.pieces(), end }
  },
}

// Responses

function inputPart(piece: Piece): object {
  if ('picture' in piece) return { type: 'input_image', image_url: pngUrl(piece.picture) }
  if ('pdf' in piece) return { type: 'input_file', file_data: pdfUrl(piece.pdf), filename: 'a.pdf' }
  return { type: 'input_text', text: textOf([piece]) }
}

function itemOf(piece: Piece): object {
  if ('thought' in piece) {
    const sealed = piece.signature !== undefined && { encrypted_content: piece.signature }
    return { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: piece.thought }], ...sealed }
  }
  if ('call' in piece)
    return { type: 'function_call', call_id: piece.call, name: piece.name, arguments: JSON.stringify(piece.input) }
  return { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: textOf([piece]) }] }
}

function itemsOf(turn: Turn): readonly object[] {
  switch (turn.by) {
    case 'system':
    case 'user':
      return [{ role: turn.by, content: turn.pieces.map(inputPart) }]
    case 'model':
      return turn.pieces.map(itemOf)
    case 'tools':
      return turn.results.map(({ call, pieces }) => ({
        type: 'function_call_output',
        call_id: call,
        output: pieces.every((piece) => 'text' in piece) ? textOf(pieces) : pieces.map(inputPart),
      }))
  }
}

function replyOfResponse({ status, incomplete_details, output }: Json): Reply {
  const pieces: readonly Piece[] = output.flatMap((item: Json): readonly Piece[] => {
    const sealed = item.encrypted_content && { signature: item.encrypted_content }
    if (item.type === 'reasoning') return item.summary.map(({ text }: Json) => ({ thought: text, ...sealed }))
    if (item.type === 'function_call')
      return [{ call: item.call_id, name: item.name, input: JSON.parse(item.arguments) }]
    return item.content.map(({ text }: Json) => ({ text }))
  })
  const reasons: Readonly<Record<string, End>> = { max_output_tokens: 'length', content_filter: 'filter' }
  // clients of this dialect see by the items whether there are calls
  const completed = pieces.some((piece) => 'call' in piece) ? 'calls' : 'stop'
  return { pieces, end: status === 'completed' ? completed : (reasons[incomplete_details?.reason] ?? 'unknown') }
}

const responses: Client = {
  path: '/v1/responses',
  write: ({ turns, tools, isSingle }) => {
    const first = turns[0]?.by === 'system' ? turns[0] : undefined
    return {
      store: false,
      include: ['reasoning.encrypted_content'],
      ...(first && { instructions: textOf(first.pieces) }),
      input: (first ? turns.slice(1) : turns).flatMap(itemsOf),
      ...(tools && { tools: tools.map((name) => ({ type: 'function', name, parameters: schema, strict: false })) }),
      ...(isSingle && { parallel_tool_calls: false }),
    }
  },
  whole: replyOfResponse,
  stream: (events) => replyOfResponse(events.at(-1)?.response),
}

export const clients = { chat, responses, messages } as const satisfies Record<string, Client>

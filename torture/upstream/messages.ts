import {
  type Answer,
  deltasOf,
  type Json,
  type Piece,
  type Talk,
  type ToolResult,
  type Turn,
  type Usage,
} from '../talk/talk.ts'
import { namedFrame, type UpstreamDialect } from './dialect.ts'

// source: Anthropic's API reference, Messages, and its page on streaming

const words = {
  stop: 'end_turn',
  calls: 'tool_use',
  length: 'max_tokens',
  filter: 'refusal',
  unknown: 'a_word',
} as const

const inputOf = ({ input, cached = 0 }: Usage) => ({
  input_tokens: input - cached,
  cache_read_input_tokens: cached,
  cache_creation_input_tokens: 0,
})

function blockOf(piece: Piece): readonly [begun: object, deltas: readonly object[], whole: object] {
  if ('thought' in piece) {
    const { thought, signature = 'c2lnbmVk' } = piece
    const deltas = deltasOf(thought, piece.deltas).map((thinking) => ({ type: 'thinking_delta', thinking }))
    return [
      { type: 'thinking', thinking: '', signature: '' },
      [...deltas, { type: 'signature_delta', signature }],
      { type: 'thinking', thinking: thought, signature },
    ]
  }
  if ('call' in piece) {
    const block = { type: 'tool_use', id: piece.call, name: piece.name }
    const deltas = deltasOf(piece.json, piece.deltas).map((partial_json) => ({
      type: 'input_json_delta',
      partial_json,
    }))
    return [{ ...block, input: {} }, deltas, { ...block, input: JSON.parse(piece.json || '{}') }]
  }
  const text = 'text' in piece ? piece.text : ''
  const deltas = deltasOf(text, 'text' in piece ? piece.deltas : 1).map((one) => ({ type: 'text_delta', text: one }))
  return [{ type: 'text', text: '' }, deltas, { type: 'text', text }]
}

function frames({ pieces, end, usage = { input: 1, output: 1 } }: Answer, body: Json): readonly string[] {
  const message = {
    ...{ id: 'msg_1', type: 'message', role: 'assistant', model: body?.model ?? 'm', content: [] },
    ...{ stop_reason: null, stop_sequence: null, usage: { ...inputOf(usage), output_tokens: 1 } },
  }
  const blocks = pieces.flatMap((piece, index) => {
    const [content_block, deltas] = blockOf(piece)
    return [
      { type: 'content_block_start', index, content_block },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]
  })
  return [
    { type: 'message_start', message },
    ...blocks,
    {
      type: 'message_delta',
      delta: { stop_reason: words[end], stop_sequence: null },
      usage: { output_tokens: usage.output },
    },
    { type: 'message_stop' },
  ].map(namedFrame)
}

function whole({ pieces, end, usage = { input: 1, output: 1 } }: Answer, body: Json): object {
  return {
    ...{ id: 'msg_1', type: 'message', role: 'assistant', model: body?.model ?? 'm' },
    content: pieces.map((piece) => blockOf(piece)[2]),
    stop_reason: words[end],
    stop_sequence: null,
    usage: { ...inputOf(usage), output_tokens: usage.output },
  }
}

function pieceOf(block: Json): Piece {
  switch (block.type) {
    case 'text':
      return { text: block.text }
    case 'thinking':
      return { thought: block.thinking, signature: block.signature }
    case 'tool_use':
      return { call: block.id, name: block.name, json: JSON.stringify(block.input) }
    case 'image':
      return { picture: block.source.data }
    default:
      throw new Error(`an unexpected block: ${block.type}`)
  }
}

const blocksOf = (content: Json): Json =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? [])

function resultOf({ tool_use_id, content, is_error }: Json): ToolResult {
  return { call: tool_use_id, pieces: blocksOf(content).map(pieceOf), ...(is_error && { isFailed: true }) }
}

function turnsOf({ role, content }: Json): readonly Turn[] {
  const blocks = blocksOf(content)
  const given = blocks.filter((block: Json) => block.type === 'tool_result').map(resultOf)
  const others = blocks.filter((block: Json) => block.type !== 'tool_result').map(pieceOf)
  return [
    ...(given.length > 0 ? [{ by: 'tools', results: given } as const] : []),
    ...(others.length > 0 || given.length === 0
      ? [{ by: role === 'assistant' ? 'model' : role === 'user' ? 'user' : 'system', pieces: others } as const]
      : []),
  ]
}

const choices: Readonly<Record<string, 'auto' | 'none' | 'required'>> = { auto: 'auto', none: 'none', any: 'required' }

function read(body: Json): Talk {
  const { system, tools, tool_choice: choice } = body
  return {
    turns: [
      ...(system ? [{ by: 'system', pieces: blocksOf(system).map(pieceOf) } as const] : []),
      ...body.messages.flatMap(turnsOf),
    ],
    ...(tools && { tools: tools.map((tool: Json) => ({ ...tool, schema: tool.input_schema })) }),
    ...(choice && { choice: choices[choice.type] ?? { name: choice.name } }),
    ...(choice?.disable_parallel_tool_use && { isSingle: true }),
    maxTokens: body.max_tokens,
    ...(body.temperature !== undefined && { temperature: body.temperature }),
    ...(body.top_p !== undefined && { topP: body.top_p }),
    ...(body.stop_sequences && { stop: body.stop_sequences }),
  }
}

export const messages: UpstreamDialect = {
  frames,
  whole,
  error: ({ message, type }) => ({ type: 'error', error: { type, message }, request_id: 'req_1' }),
  errorFrame: ({ message, type }) => namedFrame({ type: 'error', ...{ error: { type, message } } }),
  read,
}

import {
  type Answer,
  callsOf,
  deltasOf,
  type Json,
  type Piece,
  type Talk,
  type Turn,
  textOf,
  thoughtOf,
  type Usage,
} from '../talk/talk.ts'
import { base64Of, dataFrame, type UpstreamDialect } from './dialect.ts'

// source: OpenAI's API reference, Chat Completions; `reasoning_content` as DeepSeek documents it

const words = {
  stop: 'stop',
  calls: 'tool_calls',
  length: 'length',
  filter: 'content_filter',
  unknown: 'a_word',
} as const

function usageOf({ input, output, cached, reasoning }: Usage): object {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
    ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  }
}

function deltasOfPiece(piece: Piece, index: number): readonly object[] {
  if ('text' in piece) return deltasOf(piece.text, piece.deltas).map((content) => ({ content }))
  if ('thought' in piece)
    return deltasOf(piece.thought, piece.deltas).map((reasoning_content) => ({ reasoning_content }))
  if ('picture' in piece) return []
  const first = { index, id: piece.call, type: 'function', function: { name: piece.name, arguments: '' } }
  const more = deltasOf(piece.json, piece.deltas).map((text) => ({ index, function: { arguments: text } }))
  return [first, ...more].map((tool) => ({ tool_calls: [tool] }))
}

function frames({ pieces, end, usage }: Answer, body: Json): readonly string[] {
  const calls = callsOf(pieces)
  const deltas = pieces.flatMap((piece) => deltasOfPiece(piece, 'call' in piece ? calls.indexOf(piece) : 0))
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_790_000_000, model: body?.model ?? 'm' }
  const chunk = (delta: object, finish_reason: string | null = null) =>
    dataFrame({ ...head, choices: [{ index: 0, delta, finish_reason }] })
  const counted = usage && body?.stream_options?.include_usage
  return [
    chunk({ role: 'assistant', content: '' }),
    ...deltas.map((delta) => chunk(delta)),
    chunk({}, words[end]),
    ...(counted ? [dataFrame({ ...head, choices: [], usage: usageOf(usage) })] : []),
    dataFrame('[DONE]'),
  ]
}

function whole({ pieces, end, usage }: Answer, body: Json): object {
  const calls = callsOf(pieces).map(({ call: id, name, json }) => ({
    id,
    type: 'function',
    function: { name, arguments: json },
  }))
  const thought = thoughtOf(pieces)
  const message = {
    role: 'assistant',
    content: textOf(pieces) || (calls.length > 0 ? null : ''),
    ...(thought !== '' && { reasoning_content: thought }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_790_000_000,
    model: body?.model ?? 'm',
    choices: [{ index: 0, message, finish_reason: words[end] }],
    ...(usage && { usage: usageOf(usage) }),
  }
}

function piecesOf(content: Json): readonly Piece[] {
  if (content === null || content === undefined || content === '') return []
  if (typeof content === 'string') return [{ text: content }]
  return content.map((part: Json): Piece => {
    if (part.type === 'image_url') return { picture: base64Of(part.image_url.url) }
    return { text: part.text }
  })
}

function turnOf({ role, content, reasoning_content, tool_calls, tool_call_id }: Json): Turn {
  if (role === 'tool') return { by: 'tools', results: [{ call: tool_call_id, pieces: piecesOf(content) }] }
  if (role !== 'assistant') return { by: role === 'user' ? 'user' : 'system', pieces: piecesOf(content) }
  const calls = (tool_calls ?? []).map((one: Json) => ({
    call: one.id,
    name: one.function.name,
    json: one.function.arguments,
  }))
  const thoughts = reasoning_content ? [{ thought: reasoning_content }] : []
  return { by: 'model', pieces: [...thoughts, ...piecesOf(content), ...calls] }
}

function read(body: Json): Talk {
  const { messages, tools, tool_choice: choice, stop } = body
  const maxTokens = body.max_completion_tokens ?? body.max_tokens
  return {
    turns: messages.map(turnOf),
    ...(tools && { tools: tools.map((tool: Json) => ({ ...tool.function, schema: tool.function.parameters })) }),
    ...(choice && { choice: typeof choice === 'string' ? choice : { name: choice.function.name } }),
    ...(body.parallel_tool_calls === false && { isSingle: true }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(body.temperature !== undefined && { temperature: body.temperature }),
    ...(body.top_p !== undefined && { topP: body.top_p }),
    ...(stop !== undefined && { stop: typeof stop === 'string' ? [stop] : stop }),
  }
}

export const chat: UpstreamDialect = {
  frames,
  whole,
  error: ({ message, type, code }) => ({ error: { message, type, param: null, code: code ?? null } }),
  errorFrame: ({ message, type, code }) => dataFrame({ error: { message, type, param: null, code: code ?? null } }),
  read,
}

import { type Answer, deltasOf, type Json, type Piece, type Talk, type Turn, type Usage } from '../talk/talk.ts'
import { base64Of, namedFrame, type UpstreamDialect } from './dialect.ts'

// source: OpenAI's API reference, Responses, and its page on streaming events

interface Event {
  readonly type: string
  readonly [member: string]: unknown
}

const endings = {
  stop: { status: 'completed', incomplete_details: null },
  calls: { status: 'completed', incomplete_details: null },
  length: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
  filter: { status: 'incomplete', incomplete_details: { reason: 'content_filter' } },
  unknown: { status: 'incomplete', incomplete_details: { reason: 'a_word' } },
} as const

const usageOf = ({ input, output, cached = 0, reasoning = 0 }: Usage) => ({
  input_tokens: input,
  input_tokens_details: { cached_tokens: cached },
  output_tokens: output,
  output_tokens_details: { reasoning_tokens: reasoning },
  total_tokens: input + output,
})

/** An item of the output, and the events between its beginning and its end. */
interface Item {
  readonly begun: object
  readonly events: readonly Event[]
  readonly whole: object
}

function textItem(text: string, deltas: number | undefined, at: number): Item {
  const id = `msg_${at}`
  const place = { item_id: id, output_index: at, content_index: 0 }
  const part = { type: 'output_text', text, annotations: [], logprobs: [] }
  const item = { id, type: 'message', role: 'assistant' }
  return {
    begun: { ...item, status: 'in_progress', content: [] },
    events: [
      { type: 'response.content_part.added', ...place, part: { ...part, text: '' } },
      ...deltasOf(text, deltas).map((delta) => ({ type: 'response.output_text.delta', ...place, delta, logprobs: [] })),
      { type: 'response.output_text.done', ...place, text, logprobs: [] },
      { type: 'response.content_part.done', ...place, part },
    ],
    whole: { ...item, status: 'completed', content: [part] },
  }
}

function thoughtItem(text: string, deltas: number | undefined, at: number): Item {
  const id = `rs_${at}`
  const place = { item_id: id, output_index: at, summary_index: 0 }
  const part = { type: 'summary_text', text }
  return {
    begun: { id, type: 'reasoning', summary: [] },
    events: [
      { type: 'response.reasoning_summary_part.added', ...place, part: { ...part, text: '' } },
      ...deltasOf(text, deltas).map((delta) => ({ type: 'response.reasoning_summary_text.delta', ...place, delta })),
      { type: 'response.reasoning_summary_text.done', ...place, text },
      { type: 'response.reasoning_summary_part.done', ...place, part },
    ],
    whole: { id, type: 'reasoning', summary: [part] },
  }
}

function itemOf(piece: Piece, at: number): Item {
  if ('thought' in piece) return thoughtItem(piece.thought, piece.deltas, at)
  if (!('call' in piece)) return textItem('text' in piece ? piece.text : '', 'text' in piece ? piece.deltas : 1, at)
  const id = `fc_${at}`
  const place = { item_id: id, output_index: at }
  const item = { id, type: 'function_call', call_id: piece.call, name: piece.name }
  return {
    begun: { ...item, status: 'in_progress', arguments: '' },
    events: [
      ...deltasOf(piece.json, piece.deltas).map((delta) => ({
        ...{ type: 'response.function_call_arguments.delta', ...place },
        delta,
      })),
      { type: 'response.function_call_arguments.done', ...place, arguments: piece.json },
    ],
    whole: { ...item, status: 'completed', arguments: piece.json },
  }
}

function whole({ pieces, end, usage }: Answer, body: Json): object {
  return {
    ...{ id: 'resp_1', object: 'response', created_at: 1_790_000_000, model: body?.model ?? 'm', error: null },
    ...{ instructions: null, metadata: {}, parallel_tool_calls: true, temperature: 1, top_p: 1 },
    ...{ tool_choice: 'auto', tools: [], store: false },
    ...endings[end],
    output: pieces.map((piece, at) => itemOf(piece, at).whole),
    usage: usage ? usageOf(usage) : null,
  }
}

function frames(answer: Answer, body: Json): readonly string[] {
  const begun = { ...whole({ pieces: [], end: 'stop' }, body), status: 'in_progress' }
  const ended = whole(answer, body)
  const items = answer.pieces.flatMap((piece, output_index): readonly Event[] => {
    const { begun, events, whole } = itemOf(piece, output_index)
    return [
      { type: 'response.output_item.added', output_index, item: begun },
      ...events,
      { type: 'response.output_item.done', output_index, item: whole },
    ]
  })
  const events: readonly Event[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...items,
    { type: `response.${endings[answer.end].status}`, response: ended },
  ]
  return events.map((event, sequence_number) => namedFrame({ ...event, ...{ sequence_number } }))
}

function piecesOf(content: Json): readonly Piece[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }]
  return content.map((part: Json): Piece => {
    return part.type === 'input_image' ? { picture: base64Of(part.image_url) } : { text: part.text }
  })
}

function turnOf(item: Json): Turn {
  switch (item.type ?? 'message') {
    case 'function_call':
      return { by: 'model', pieces: [{ call: item.call_id, name: item.name, json: item.arguments }] }
    case 'function_call_output':
      return { by: 'tools', results: [{ call: item.call_id, pieces: piecesOf(item.output) }] }
    case 'reasoning': {
      const thought = (item.summary ?? []).map(({ text }: Json) => text).join('')
      return { by: 'model', pieces: [{ thought, signature: item.encrypted_content ?? '' }] }
    }
    default: {
      const by = item.role === 'assistant' ? 'model' : item.role === 'user' ? 'user' : 'system'
      return { by, pieces: piecesOf(item.content) }
    }
  }
}

function read(body: Json): Talk {
  const { instructions, input, tools, tool_choice: choice } = body
  return {
    turns: [
      ...(instructions ? [{ by: 'system', pieces: [{ text: instructions }] } as const] : []),
      ...(typeof input === 'string' ? [{ role: 'user', content: input }] : input).map(turnOf),
    ],
    ...(tools && { tools: tools.map((tool: Json) => ({ ...tool, schema: tool.parameters })) }),
    ...(choice && { choice: typeof choice === 'string' ? choice : { name: choice.name } }),
    ...(body.parallel_tool_calls === false && { isSingle: true }),
    ...(body.max_output_tokens !== undefined && { maxTokens: body.max_output_tokens }),
    ...(body.temperature !== undefined && { temperature: body.temperature }),
    ...(body.top_p !== undefined && { topP: body.top_p }),
  }
}

export const responses: UpstreamDialect = {
  frames,
  whole,
  error: ({ message, type, code }) => ({ error: { message, type, param: null, code: code ?? null } }),
  errorFrame: ({ message, code }) =>
    namedFrame({ type: 'error', ...{ code: code ?? 'server_error', message, param: null, sequence_number: 3 } }),
  read,
}

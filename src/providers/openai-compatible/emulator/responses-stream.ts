import { sseEvent } from '../../../wire/sse.ts'

export interface ResponseItem {
  readonly id: string
  readonly type: string
  readonly [member: string]: unknown
}

const created = 1_760_000_000

/** How a response ended. */
export interface ResponseEnding {
  readonly status?: 'completed' | 'incomplete' | 'failed'
  readonly incomplete_details?: object | null
  readonly error?: object | null
}

/** Writes a response. OpenAI, Responses API reference */
export function responseOf(model: string, output: readonly object[], ending: ResponseEnding = {}): object {
  return {
    ...{ id: 'resp_emulated', object: 'response', created_at: created, status: 'completed', background: false },
    ...{ error: null, incomplete_details: null, instructions: null, metadata: {}, model, output, store: false },
    usage: {
      ...{ input_tokens: 7, input_tokens_details: { cached_tokens: 2 }, output_tokens: 5 },
      ...{ output_tokens_details: { reasoning_tokens: 1 }, total_tokens: 12 },
    },
    ...ending,
  }
}

/** Writes an answer as the events of a stream, texts word by word. OpenAI, Responses API, streaming events */
export function responseStream(model: string, items: readonly ResponseItem[], ending: ResponseEnding = {}): string[] {
  const begun = { ...responseOf(model, []), status: 'in_progress', usage: null }
  const whole = responseOf(model, items, ending)
  const events: readonly (readonly [string, object])[] = [
    ['response.created', { response: begun }],
    ['response.in_progress', { response: begun }],
    ...items.flatMap((item, at) =>
      eventsOf(item).map(([type, members]): [string, object] => [type, { output_index: at, ...members }]),
    ),
    [`response.${ending.status ?? 'completed'}`, { response: whole }],
  ]
  return events.map(([type, members], sequence_number) =>
    responseEvent({ type: `${type}`, sequence_number, ...members }),
  )
}

export function responseEvent(value: { readonly type: string; readonly [member: string]: unknown }): string {
  return sseEvent(value.type, JSON.stringify(value))
}

function eventsOf(item: ResponseItem): readonly (readonly [string, object])[] {
  const open = { ...item, status: 'in_progress', ...(item.type === 'message' && { content: [] }) }
  return [
    ['response.output_item.added', { item: { ...open, ...emptyOf(item) } }],
    ...middleOf(item).map(([type, members]): [string, object] => [
      `response.${type}`,
      { item_id: item.id, ...members },
    ]),
    ['response.output_item.done', { item }],
  ]
}

function emptyOf({ type }: ResponseItem): object {
  if (type === 'reasoning') return { summary: [] }
  return type === 'function_call' ? { arguments: '' } : type === 'custom_tool_call' ? { input: '' } : {}
}

type Middle = readonly (readonly [string, object])[]

function middleOf(item: ResponseItem): Middle {
  switch (item.type) {
    case 'message':
      return partsIn(item.content).flatMap(messagePart)
    case 'reasoning':
      return partsIn(item.summary).flatMap(({ text }, summary_index) => [
        ['reasoning_summary_part.added', { summary_index, part: { type: 'summary_text', text: '' } }],
        ...pieces(text).map((delta): [string, object] => ['reasoning_summary_text.delta', { summary_index, delta }]),
        ['reasoning_summary_text.done', { summary_index, text }],
        ['reasoning_summary_part.done', { summary_index, part: { type: 'summary_text', text } }],
      ])
    case 'function_call':
      return [
        ...halves(item.arguments).map((delta): [string, object] => ['function_call_arguments.delta', { delta }]),
        ['function_call_arguments.done', { arguments: item.arguments }],
      ]
    case 'custom_tool_call':
      return [
        ...halves(item.input).map((delta): [string, object] => ['custom_tool_call_input.delta', { delta }]),
        ['custom_tool_call_input.done', { input: item.input }],
      ]
    case 'web_search_call':
      return ['in_progress', 'searching', 'completed'].map((step) => [`web_search_call.${step}`, {}])
    default:
      return []
  }
}

interface EmulatedPart {
  readonly type?: unknown
  readonly text?: unknown
  readonly refusal?: unknown
  readonly annotations?: readonly object[]
}

function messagePart(part: EmulatedPart, content_index: number): Middle {
  const isText = part.type === 'output_text'
  const [kind, member] = isText ? ['output_text', 'text'] : ['refusal', 'refusal']
  const text = isText ? part.text : part.refusal
  const logprobs = isText && { logprobs: [] }
  const empty = { ...part, [member ?? '']: '', ...(isText && { annotations: [] }) }
  return [
    ['content_part.added', { content_index, part: empty }],
    ...pieces(text).map((delta): [string, object] => [`${kind}.delta`, { content_index, delta, ...logprobs }]),
    ...(part.annotations ?? []).map((annotation, annotation_index): [string, object] => [
      'output_text.annotation.added',
      { content_index, annotation_index, annotation },
    ]),
    [`${kind}.done`, { content_index, [member ?? '']: text, ...logprobs }],
    ['content_part.done', { content_index, part }],
  ]
}

function partsIn(value: unknown): readonly EmulatedPart[] {
  return Array.isArray(value) ? value : []
}

function pieces(text: unknown): readonly string[] {
  return String(text).match(/\s*\S+|\s+$/g) ?? []
}

function halves(text: unknown): readonly string[] {
  const middle = Math.ceil(String(text).length / 2)
  return [String(text).slice(0, middle), String(text).slice(middle)]
}

import { type Frames, httpChunk, token } from './mock-frames.ts'

const usage = {
  input_tokens: 9,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 20,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 29,
}
const place = { item_id: 'msg_000000000000000000000000', output_index: 0, content_index: 0 }
const text = { type: 'output_text', annotations: [], logprobs: [], text: '' }
const item = { id: place.item_id, type: 'message', role: 'assistant', status: 'in_progress', content: [] }

/** The frames of one streamed answer, in the shape of OpenAI's Responses. */
export function responseFramesOf(model: string): Frames {
  const begun = { ...responseOf(model), status: 'in_progress' }
  const delta = eventOf({
    type: 'response.output_text.delta',
    ...place,
    delta: token,
    logprobs: [],
    obfuscation: 'x7Kq',
  })
  return {
    role:
      eventOf({ type: 'response.created', response: begun }) +
      eventOf({ type: 'response.in_progress', response: begun }) +
      eventOf({ type: 'response.output_item.added', output_index: 0, item }) +
      eventOf({ type: 'response.content_part.added', ...place, part: text }),
    token: Buffer.from(httpChunk(delta)),
    finish:
      eventOf({ type: 'response.output_text.done', ...place, text: token, logprobs: [] }) +
      eventOf({ type: 'response.content_part.done', ...place, part: { ...text, text: token } }) +
      eventOf({ type: 'response.output_item.done', output_index: 0, item: done(1) }) +
      eventOf({ type: 'response.completed', response: { ...responseOf(model), output: [done(1)], usage } }),
  }
}

export function response(model: string, tokens: number): string {
  return JSON.stringify({ ...responseOf(model), output: [done(tokens)], usage })
}

function done(tokens: number): object {
  return { ...item, status: 'completed', content: [{ ...text, text: token.repeat(tokens) }] }
}

/** OpenAI repeats the settings of the request, with its defaults. OpenAI, Responses API reference */
const settings = {
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  model: '',
  output: [],
  parallel_tool_calls: true,
  presence_penalty: 0,
  previous_response_id: null,
  prompt_cache_key: null,
  prompt_cache_retention: null,
  reasoning: { effort: null, summary: null },
  safety_identifier: null,
  service_tier: 'default',
  store: false,
  temperature: 1,
  text: { format: { type: 'text' }, verbosity: 'medium' },
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  usage: null,
  user: null,
  metadata: {},
}

function responseOf(model: string): object {
  return {
    id: 'resp_00000000000000000000000000000000',
    object: 'response',
    created_at: 1_760_000_000,
    status: 'completed',
    background: false,
    billing: { payer: 'developer' },
    completed_at: 1_760_000_001,
    error: null,
    frequency_penalty: 0,
    incomplete_details: null,
    ...settings,
    model,
  }
}

/** All events have the same number, which no reader looks at. */
function eventOf(event: { readonly type: string; readonly [member: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: 4 })}\n\n`
}

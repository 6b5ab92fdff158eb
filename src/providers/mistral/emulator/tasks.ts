import { z } from 'zod'
import { faultsIn, type Refusal, type ServiceRules } from '../../../clients/openai-chat/emulator/service.ts'

const inputs = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])

/** The fields of a request for embeddings; the service refuses others with 422. Mistral, Embeddings reference */
const EmbeddingsBody = z.strictObject({
  model: z.string(),
  input: inputs,
  output_dimension: z.int().optional(),
  output_dtype: z.enum(['float', 'int8', 'uint8', 'binary', 'ubinary']).optional(),
  encoding_format: z.enum(['float', 'base64']).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
})
const ModerationBody = z.strictObject({ model: z.string(), input: inputs, metadata: z.unknown().optional() })

/** Words of one request at most, which stand for its limit of tokens. */
const maxWords = 100

/** Mistral, FIM completion reference */
const FimBody = z.strictObject({
  model: z.string().startsWith('codestral'),
  prompt: z.string(),
  suffix: z.string().nullish(),
  temperature: z.number().optional(),
  top_p: z.number().optional(),
  max_tokens: z.int().optional(),
  min_tokens: z.int().optional(),
  stop: z.union([z.string(), z.array(z.string())]).optional(),
  random_seed: z.int().optional(),
  stream: z.boolean().optional(),
})

/** The reply to a task; undefined for an unknown path. An embedding has the length of its text in it. */
export function answerTask(path: string, body: unknown): ReturnType<NonNullable<ServiceRules['post']>> {
  if (path === '/v1/fim/completions') return fill(body)
  if (path === '/v1/embeddings') return embed(body)
  return path === '/v1/moderations' ? moderate(body) : undefined
}

function embed(body: unknown): Refusal {
  const parsed = EmbeddingsBody.safeParse(body)
  if (!parsed.success) return { status: 422, body: { detail: faultsIn(parsed.error.issues) } }
  const { model, input, output_dimension: dimensions = 4 } = parsed.data
  const texts = typeof input === 'string' ? [input] : input
  const words = texts.join(' ').split(' ').length
  if (words > maxWords) return refusal('Too many tokens overall, split into more batches.', '3210')
  const data = texts.map((text, index) => ({
    object: 'embedding',
    embedding: Array.from({ length: dimensions }, (_, at) => (at === 0 ? text.length : 0)),
    index,
  }))
  const usage = { prompt_tokens: words, total_tokens: words, completion_tokens: 0 }
  return { status: 200, body: { id: 'emulated', object: 'list', data, model, usage } }
}

/** Fills in the middle: `BETWEEN prompt AND suffix`. */
function fill(body: unknown) {
  const parsed = FimBody.safeParse(body)
  if (!parsed.success) return { status: 422, body: { detail: faultsIn(parsed.error.issues) } }
  const { model, prompt, suffix } = parsed.data
  const words = ['BETWEEN ', prompt, ' AND ', suffix ?? 'the end']
  const head = { id: 'emulated', created: 1_760_000_000, model }
  const usage = { prompt_tokens: 2, total_tokens: 6, completion_tokens: 4 }
  const whole = { index: 0, message: { role: 'assistant', content: words.join('') }, finish_reason: 'stop' }
  const pieces = words.map((content, at) => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: { content }, finish_reason: at === words.length - 1 ? 'stop' : null }],
    ...(at === words.length - 1 && { usage }),
  }))
  return { whole: { ...head, object: 'chat.completion', choices: [whole], usage }, chunks: pieces }
}

function moderate(body: unknown): Refusal {
  const parsed = ModerationBody.safeParse(body)
  if (!parsed.success) return { status: 422, body: { detail: faultsIn(parsed.error.issues) } }
  return { status: 200, body: { id: 'emulated', model: parsed.data.model, results: [{ categories: { pii: false } }] } }
}

function refusal(message: string, code: string): Refusal {
  return { status: 400, body: { object: 'error', message, type: 'invalid_request_error', param: null, code } }
}

import { z } from 'zod'
import { faultsIn, type Refusal } from '../../../clients/openai-chat/emulator/service.ts'

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

/** The reply to a request that is no chat; undefined for an unknown path. An embedding has the length of its text in it. */
export function answerTask(path: string, body: unknown): Refusal | undefined {
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

function moderate(body: unknown): Refusal {
  const parsed = ModerationBody.safeParse(body)
  if (!parsed.success) return { status: 422, body: { detail: faultsIn(parsed.error.issues) } }
  return { status: 200, body: { id: 'emulated', model: parsed.data.model, results: [{ categories: { pii: false } }] } }
}

function refusal(message: string, code: string): Refusal {
  return { status: 400, body: { object: 'error', message, type: 'invalid_request_error', param: null, code } }
}

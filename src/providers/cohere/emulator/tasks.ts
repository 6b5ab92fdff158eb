import { z } from 'zod'

/** The reply of the service. */
interface TaskReply {
  readonly status: number
  readonly body: unknown
}

/** The fields of an embed request; the service refuses others. Cohere, Embed API v2 */
const EmbedBody = z.strictObject({
  model: z.string(),
  texts: z.array(z.string().min(1)).min(1),
  input_type: z.enum(['search_document', 'search_query', 'classification', 'clustering', 'image']),
  embedding_types: z.array(z.enum(['float', 'int8', 'uint8', 'binary', 'ubinary', 'base64'])),
  output_dimension: z.union([z.literal(256), z.literal(512), z.literal(1024), z.literal(1536)]).optional(),
  truncate: z.enum(['NONE', 'START', 'END']).optional(),
})
const maxTexts = 96

/** Cohere, Rerank API v2 */
const RerankBody = z.strictObject({
  model: z.string(),
  query: z.string(),
  documents: z.array(z.string()),
  top_n: z.int().optional(),
  max_tokens_per_doc: z.int().optional(),
})

/** The reply to a task; undefined for an unknown path. An embedding has the length of its text in it. */
export function answerTask(path: string, body: unknown): TaskReply | undefined {
  if (path === '/v2/embed') return embed(body)
  return path === '/v2/rerank' ? rerank(body) : undefined
}

function embed(body: unknown): TaskReply {
  const parsed = EmbedBody.safeParse(body)
  if (!parsed.success) return invalid(parsed.error)
  const { texts, output_dimension: dimensions = 1_536 } = parsed.data
  if (texts.length > maxTexts) return refused(`total number of texts must be at most ${maxTexts}`)
  const float = texts.map((text) => Array.from({ length: dimensions }, (_, at) => (at === 0 ? text.length : 0)))
  const meta = { api_version: { version: '2' }, billed_units: { input_tokens: texts.length } }
  return {
    status: 200,
    body: { id: 'emulated', embeddings: { float }, texts, meta, response_type: 'embeddings_by_type' },
  }
}

function rerank(body: unknown): TaskReply {
  const parsed = RerankBody.safeParse(body)
  if (!parsed.success) return invalid(parsed.error)
  const { documents, top_n: most = documents.length } = parsed.data
  const results = documents.map((_, index) => ({ index, relevance_score: 1 / (index + 1) })).slice(0, most)
  return { status: 200, body: { id: 'emulated', results, meta: { billed_units: { search_units: 1 } } } }
}

function invalid({ issues: [issue] }: z.ZodError): TaskReply {
  return refused(`invalid request: ${issue?.path.join('.')}: ${issue?.message}`)
}

function refused(message: string): TaskReply {
  return { status: 400, body: { id: 'emulated', message } }
}

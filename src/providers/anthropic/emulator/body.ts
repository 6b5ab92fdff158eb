import { z } from 'zod'

const mark = z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() })
const marked = { cache_control: mark.nullish() }
const words = z.string().regex(/\S/, 'text content blocks must contain non-whitespace text')
const id = z.string().regex(/^[a-zA-Z0-9_-]+$/)

const text = z.strictObject({
  type: z.literal('text'),
  text: words,
  citations: z.array(z.looseObject({ type: z.string() })).nullish(),
  ...marked,
})
const pictureSource = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('base64'),
    media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
    data: z.string().min(1),
  }),
  z.strictObject({ type: z.literal('url'), url: z.url() }),
  z.strictObject({ type: z.literal('file'), file_id: z.string() }),
])
const picture = z.strictObject({ type: z.literal('image'), source: pictureSource, ...marked })
const documentSource = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('base64'), media_type: z.literal('application/pdf'), data: z.string().min(1) }),
  z.strictObject({ type: z.literal('text'), media_type: z.literal('text/plain'), data: z.string() }),
  z.strictObject({ type: z.literal('content'), content: z.union([z.string(), z.array(z.unknown())]) }),
  z.strictObject({ type: z.literal('url'), url: z.url() }),
  z.strictObject({ type: z.literal('file'), file_id: z.string() }),
])
const document = z.strictObject({
  type: z.literal('document'),
  source: documentSource,
  title: z.string().nullish(),
  context: z.string().nullish(),
  citations: z.looseObject({}).nullish(),
  ...marked,
})
const search = z.looseObject({ type: z.literal('search_result'), source: z.string(), title: z.string() })
const reference = z.strictObject({ type: z.literal('tool_reference'), tool_name: z.string(), ...marked })
const result = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: id,
  content: z.union([z.string(), z.array(z.union([text, picture, document, search, reference]))]).optional(),
  is_error: z.boolean().optional(),
  ...marked,
})
const thinking = z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().min(1) })
const redacted = z.strictObject({ type: z.literal('redacted_thinking'), data: z.string().min(1) })
const call = z.strictObject({
  type: z.literal('tool_use'),
  id,
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
  caller: z.looseObject({}).optional(),
  ...marked,
})
/** Calls and results of tools that Anthropic runs. */
const serverTool = z.looseObject({ type: z.string().regex(/^(server_tool_use|mcp_tool_use|\w+_tool_result)$/) })

const message = z.discriminatedUnion('role', [
  z.strictObject({
    role: z.literal('user'),
    content: z.union([words, z.array(z.union([text, picture, document, search, result])).min(1)]),
  }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.union([words, z.array(z.union([text, thinking, redacted, call, serverTool])).min(1)]),
  }),
  z.strictObject({ role: z.literal('system'), content: z.union([words, z.array(text).min(1)]) }),
])

const clientTool = z.looseObject({
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/),
  description: z.string().optional(),
  input_schema: z.looseObject({ type: z.literal('object') }),
})
const typedTool = z.looseObject({ type: z.string().regex(/_20\d{6}$/), name: z.string() })

const parallel = { disable_parallel_tool_use: z.boolean().optional() }
const choice = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('auto'), ...parallel }),
  z.strictObject({ type: z.literal('any'), ...parallel }),
  z.strictObject({ type: z.literal('tool'), name: z.string(), ...parallel }),
  z.strictObject({ type: z.literal('none') }),
])

const display = { display: z.string().optional() }

/** The body of `POST /v1/messages`, as strict as the service: unknown fields are refused. Anthropic, Messages */
export const MessagesBody = z.strictObject({
  model: z.string(),
  max_tokens: z.int().min(0),
  messages: z.array(message).min(1),
  system: z.union([z.string(), z.array(text)]).optional(),
  stream: z.boolean().optional(),
  stop_sequences: z.array(z.string().regex(/\S/)).optional(),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.int().min(0).optional(),
  tools: z.array(z.union([typedTool, clientTool])).optional(),
  tool_choice: choice.optional(),
  thinking: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('enabled'), budget_tokens: z.int().min(1_024), ...display }),
      z.strictObject({ type: z.literal('adaptive'), ...display }),
      z.strictObject({ type: z.literal('disabled') }),
      z.strictObject({ type: z.literal('between_tools') }),
    ])
    .optional(),
  output_config: z
    .strictObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional(),
      format: z.strictObject({ type: z.literal('json_schema'), schema: z.looseObject({}) }).optional(),
    })
    .optional(),
  metadata: z.strictObject({ user_id: z.string().max(256).optional() }).optional(),
  service_tier: z.enum(['auto', 'standard_only']).optional(),
  cache_control: mark.optional(),
  container: z.unknown().optional(),
  context_management: z.unknown().optional(),
  inference_geo: z.string().optional(),
})

export type MessagesBody = z.infer<typeof MessagesBody>
export type MessageBlock = Exclude<MessagesBody['messages'][number]['content'], string>[number]

/** The blocks of a message. */
export function blocksOf({ content }: MessagesBody['messages'][number]): readonly MessageBlock[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

/** The service's complaint about a body that it refuses; undefined if it accepts the body. */
export function complaintAbout(body: MessagesBody): string | undefined {
  return (
    complaintAboutThinking(body) ?? complaintAboutMarks(body) ?? complaintAboutIds(body) ?? complaintAboutResults(body)
  )
}

/** Anthropic, Extended thinking, with tool use and with other features */
function complaintAboutThinking({ thinking, max_tokens, temperature, tool_choice, messages }: MessagesBody) {
  if (thinking?.type !== 'enabled' && thinking?.type !== 'adaptive') return undefined
  if (temperature !== undefined && temperature !== 1)
    return '`temperature` may only be set to 1 when thinking is enabled'
  if (tool_choice?.type === 'any' || tool_choice?.type === 'tool')
    return 'Thinking may not be enabled when tool_choice forces tool use.'
  if (thinking.type === 'adaptive') return undefined
  if (thinking.budget_tokens >= max_tokens) return '`max_tokens` must be greater than `thinking.budget_tokens`'
  const answer = messages.findLast(({ role }) => role === 'assistant')
  const blocks = answer ? blocksOf(answer) : []
  if (!blocks.some(({ type }) => type === 'tool_use') || /thinking$/.test(blocks[0]?.type ?? '')) return undefined
  return 'Expected `thinking` or `redacted_thinking`, but found `tool_use`.'
}

/** Anthropic, Prompt caching: up to four marks */
function complaintAboutMarks(body: MessagesBody): string | undefined {
  const marks = JSON.stringify(body).split('"cache_control":{').length - 1
  return marks > 4 ? `A maximum of 4 blocks with cache_control may be provided. Found ${marks}.` : undefined
}

/** Anthropic, Tool use */
function complaintAboutIds({ messages }: MessagesBody): string | undefined {
  const ids = messages.flatMap(blocksOf).flatMap((block) => (block.type === 'tool_use' ? [block.id] : []))
  return new Set(ids).size < ids.length ? 'messages: `tool_use` ids must be unique' : undefined
}

/** The results of a turn's calls stand at the beginning of the next message. Anthropic, Tool use */
function complaintAboutResults({ messages }: MessagesBody): string | undefined {
  for (const [at, spoken] of messages.entries()) {
    const next = messages[at + 1]
    const calls = blocksOf(spoken).flatMap((block) => (block.type === 'tool_use' ? [String(block.id)] : []))
    const blocks = next ? blocksOf(next) : []
    const end = blocks.findIndex(({ type }) => type !== 'tool_result')
    const leading = blocks.slice(0, end === -1 ? blocks.length : end)
    const answered = new Set(leading.flatMap((block) => ('tool_use_id' in block ? [block.tool_use_id] : [])))
    const missing = calls.filter((call) => !answered.has(call))
    if (missing.length > 0)
      return `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}.`
    if (answered.size > calls.length)
      return `messages.${at + 1}: unexpected \`tool_use_id\` found in \`tool_result\` blocks`
  }
  const [first] = messages
  return first && blocksOf(first).some(({ type }) => type === 'tool_result')
    ? 'messages.0: unexpected `tool_use_id` found in `tool_result` blocks'
    : undefined
}

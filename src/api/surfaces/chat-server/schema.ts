import { z } from 'zod'
import { faultIn, invalidRequest, refusedBody, tooMany } from '../../../dialects/invalid-request.ts'

const text = z.string()
const name = text.min(1).max(200)

/** Only the fields listed here are used. Others, such as `api_base`, `extra_headers` and `proxy`, are ignored. */
const ModelConfig = z.object({
  model_name: text.min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  base_url: text.nullish(),
  api_key: text.nullish(),
  use_tools: z.boolean().nullish(),
})

/** The caller's choice of model and parameters. `null` means the same as absent. */
export type ModelConfig = z.infer<typeof ModelConfig>

const base = z.object({
  session_id: name,
  request_id: name.nullish(),
  model_config: ModelConfig.nullish(),
  // the other name of `model_config`: upstreams.md, 5.1
  ai_model_config: ModelConfig.nullish(),
  // the tools are read one by one, as the messages are
  tools: z.array(z.unknown()).nullish(),
})

const StreamBody = base.extend({ content: text.min(1) })

const Message = z.object({ role: z.enum(['user', 'assistant', 'system']), content: text })
/** Its messages are read one by one, up to the first invalid one. */
const DirectBody = base.extend({ messages: z.array(z.unknown()).min(1) })

/** Limits for the messages of a conversation and for the names of tools. */
const maxMessages = 20_000
const maxTools = 1_000

const AbortBody = z.object({ session_id: name })

/** The names of the chosen tools; undefined if the caller makes no choice. */
interface ToolSelection {
  readonly tools: readonly string[] | undefined
}
export type StreamBody = Omit<z.infer<typeof StreamBody>, 'tools'> & ToolSelection
export type DirectBody = Omit<z.infer<typeof DirectBody>, 'messages' | 'tools'> &
  ToolSelection & { readonly messages: readonly DirectMessage[] }
type DirectMessage = z.infer<typeof Message>

/** `POST /api/chat/stream`. @throws ChatError `invalid-request`, with the path of the first invalid member */
export function readStreamBody(body: unknown): StreamBody {
  const sent = read(StreamBody, body, '"session_id" and "content"')
  return { ...sent, tools: readTools(sent.tools) }
}

/** `POST /api/chat/stream/direct`. @throws as `readStreamBody` */
export function readDirectBody(body: unknown): DirectBody {
  const { messages, ...about } = read(DirectBody, body, '"session_id" and "messages"')
  if (messages.length > maxMessages) throw tooMany('messages', 'messages', maxMessages)
  return { ...about, tools: readTools(about.tools), messages: messages.map(readMessage) }
}

/** `POST /api/chat/abort`. @throws as `readStreamBody` */
export function readAbortBody(body: unknown): { readonly session_id: string } {
  return read(AbortBody, body, '"session_id"')
}

function readMessage(sent: unknown, at: number): DirectMessage {
  const parsed = Message.safeParse(sent)
  if (parsed.success) return parsed.data
  throw refusedBody(faultIn(parsed.error), ['messages', at])
}

const ToolName = z.string().min(1).max(200)

function readTools(sent: readonly unknown[] | null | undefined): readonly string[] | undefined {
  if (sent && sent.length > maxTools) throw tooMany('tools', 'tools', maxTools)
  return sent?.map((name, at) => {
    const parsed = ToolName.safeParse(name)
    if (parsed.success) return parsed.data
    throw refusedBody(faultIn(parsed.error), ['tools', at])
  })
}

function read<T>(schema: z.ZodType<T>, body: unknown, needed: string): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  throw invalidRequest(parsed.error, needed)
}

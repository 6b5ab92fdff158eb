import { z } from 'zod'

/** The dialect's name, as requests and chunks bear it. */
export const dialect = 'openai-chat'

const text = z.string()
const object = z.record(z.string(), z.unknown())

const TextPart = z.looseObject({ type: z.literal('text'), text })
const ImagePart = z.looseObject({
  type: z.literal('image_url'),
  image_url: z.looseObject({ url: text, detail: text.nullish() }),
})
const AudioPart = z.looseObject({
  type: z.literal('input_audio'),
  input_audio: z.looseObject({ data: text, format: text }),
})
const FilePart = z.looseObject({
  type: z.literal('file'),
  file: z.looseObject({ file_data: text.nullish(), file_id: text.nullish(), filename: text.nullish() }),
})
const RefusalPart = z.looseObject({ type: z.literal('refusal'), refusal: text })
const KnownPart = z.discriminatedUnion('type', [TextPart, ImagePart, AudioPart, FilePart, RefusalPart])
/** A part of a kind that OpenAI does not document, such as `video_url`: for upstreams that know it. */
const ForeignPart = z.looseObject({
  type: text.refine((type) => !['text', 'image_url', 'input_audio', 'file', 'refusal'].includes(type)),
})

const WirePart = z.union([KnownPart, ForeignPart])
const content = z.union([text, z.array(WirePart)])

const WireToolCall = z.looseObject({
  id: text,
  type: text.nullish(),
  function: z.looseObject({ name: text, arguments: text }).optional(),
  custom: z.looseObject({ name: text, input: text }).optional(),
})

const SystemMessage = z.looseObject({ role: z.enum(['system', 'developer']), content, name: text.nullish() })
const UserMessage = z.looseObject({ role: z.literal('user'), content, name: text.nullish() })
const AssistantMessage = z.looseObject({
  role: z.literal('assistant'),
  content: content.nullish(),
  name: text.nullish(),
  refusal: text.nullish(),
  reasoning_content: text.nullish(),
  reasoning: text.nullish(),
  tool_calls: z.array(WireToolCall).nullish(),
})
const ToolMessage = z.looseObject({ role: z.literal('tool'), content, tool_call_id: text, name: text.nullish() })
/** Deprecated by OpenAI for `tool`, and still documented. */
const FunctionMessage = z.looseObject({ role: z.literal('function'), content: content.nullish(), name: text })

const WireMessage = z.discriminatedUnion('role', [
  SystemMessage,
  UserMessage,
  AssistantMessage,
  ToolMessage,
  FunctionMessage,
])

const WireTool = z.looseObject({
  type: text,
  function: z
    .looseObject({
      name: text.min(1),
      description: text.nullish(),
      parameters: object.nullish(),
      strict: z.boolean().nullish(),
    })
    .optional(),
})

const ResponseFormat = z.looseObject({
  type: text,
  json_schema: z
    .looseObject({ name: text, schema: object.nullish(), description: text.nullish(), strict: z.boolean().nullish() })
    .optional(),
})

/**
 * The body of `POST /v1/chat/completions`: every documented field typed, every other let through. `null` is as good as
 * absent. @see https://platform.openai.com/docs/api-reference/chat/create
 */
export const WireRequest = z.looseObject({
  model: text.min(1),
  messages: z.array(WireMessage).min(1),
  tools: z.array(WireTool).nullish(),
  tool_choice: z.union([text, object]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: ResponseFormat.nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  max_tokens: z.int().nullish(),
  max_completion_tokens: z.int().nullish(),
  stop: z.union([text, z.array(text)]).nullish(),
  seed: z.int().nullish(),
  frequency_penalty: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  n: z.int().min(1).max(128).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().nullish(),
  reasoning_effort: text.nullish(),
  user: text.nullish(),
  metadata: object.nullish(),
  service_tier: text.nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  // no word of the vocabulary: these stay with the dialect
  audio: object.nullish(),
  function_call: z.union([text, object]).nullish(),
  functions: z.array(object).nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  modalities: z.array(text).nullish(),
  prediction: object.nullish(),
  prompt_cache_key: text.nullish(),
  prompt_cache_retention: text.nullish(),
  safety_identifier: text.nullish(),
  store: z.boolean().nullish(),
  verbosity: text.nullish(),
  web_search_options: object.nullish(),
})

export type WireRequest = z.infer<typeof WireRequest>
export type WireMessage = z.infer<typeof WireMessage>
export type WirePart = z.infer<typeof WirePart>
export type WireTool = z.infer<typeof WireTool>
export type WireToolCall = z.infer<typeof WireToolCall>

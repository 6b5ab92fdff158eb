import { z } from 'zod'
import { codeOf, sayIssue } from './invalid-request.ts'

const text = z.string()
const object = z.record(z.string(), z.unknown())

/**
 * An object whose `type` says what must be in it: of a type that is not listed (`video_url`, say) nothing is asked, for
 * upstreams that know it. A union would say of a wrong member only that none of its alternatives fits.
 */
function typed(known: Readonly<Record<string, z.ZodType>>) {
  const byType = new Map(Object.entries(known))
  return z.looseObject({ type: text }).superRefine((value, context) => {
    for (const issue of byType.get(value.type)?.safeParse(value).error?.issues ?? [])
      context.addIssue({ code: 'custom', path: issue.path, message: sayIssue(issue), params: { code: codeOf(issue) } })
  })
}

const WirePart = typed({
  text: z.looseObject({ text }),
  image_url: z.looseObject({ image_url: z.looseObject({ url: text, detail: text.nullish() }) }),
  input_audio: z.looseObject({ input_audio: z.looseObject({ data: text, format: text }) }),
  file: z.looseObject({
    file: z.looseObject({ file_data: text.nullish(), file_id: text.nullish(), filename: text.nullish() }),
  }),
  refusal: z.looseObject({ refusal: text }),
})
const content = z.union([text, z.array(WirePart)], { error: 'must be a string or a list of parts' })

const WireToolCall = z
  .looseObject({
    id: text,
    type: text.nullish(),
    function: z.looseObject({ name: text, arguments: text }).nullish(),
    custom: z.looseObject({ name: text, input: text }).nullish(),
  })
  .refine((call) => call.function || call.custom, { path: ['function'], error: 'is required' })

const SystemMessage = z.looseObject({ role: z.enum(['system', 'developer']), content, name: text.nullish() })
const UserMessage = z.looseObject({ role: z.literal('user'), content, name: text.nullish() })
const AssistantMessage = z.looseObject({
  role: z.literal('assistant'),
  content: content.nullish(),
  name: text.nullish(),
  refusal: text.nullish(),
  reasoning_content: text.nullish(),
  /** OpenRouter's name for `reasoning_content`; elsewhere it may be anything. */
  reasoning: z.unknown().optional(),
  tool_calls: z.array(WireToolCall).nullish(),
})
const ToolMessage = z.looseObject({ role: z.literal('tool'), content, tool_call_id: text, name: text.nullish() })
/** Deprecated by OpenAI for `tool`, and still documented. */
const FunctionMessage = z.looseObject({ role: z.literal('function'), content: content.nullish(), name: text })

const WireMessage = z.discriminatedUnion(
  'role',
  [SystemMessage, UserMessage, AssistantMessage, ToolMessage, FunctionMessage],
  { error: 'must be "system", "developer", "user", "assistant", "tool" or "function"' },
)

const WireTool = typed({
  function: z.looseObject({
    function: z.looseObject({
      name: text.min(1),
      description: text.nullish(),
      parameters: object.nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
  custom: z.looseObject({ custom: z.looseObject({ name: text.min(1), description: text.nullish() }) }),
})

const ResponseFormat = typed({
  json_schema: z.looseObject({
    json_schema: z.looseObject({
      name: text,
      schema: object.nullish(),
      description: text.nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
})

const ToolChoice = z.union([z.enum(['auto', 'none', 'required']), object], {
  error: 'must be "auto", "none", "required" or an object',
})

/**
 * The body of `POST /v1/chat/completions`: every documented field typed, every other let through. `null` is as good as
 * absent. @see https://platform.openai.com/docs/api-reference/chat/create
 */
export const WireRequest = z.looseObject({
  model: text.min(1),
  messages: z.array(WireMessage).min(1),
  tools: z.array(WireTool).nullish(),
  tool_choice: ToolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: ResponseFormat.nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  max_tokens: z.int().nullish(),
  max_completion_tokens: z.int().nullish(),
  stop: z.union([text, z.array(text)], { error: 'must be a string or a list of strings' }).nullish(),
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
  function_call: z.union([text, object], { error: 'must be a string or an object' }).nullish(),
  functions: z.array(object).nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  modalities: z.array(text).nullish(),
  moderation: object.nullish(),
  prediction: object.nullish(),
  prompt_cache_key: text.nullish(),
  prompt_cache_options: object.nullish(),
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

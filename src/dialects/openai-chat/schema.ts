import { z } from 'zod'
import { codeOf, sayIssue } from '../invalid-request.ts'

const text = z.string()
const object = z.record(z.string(), z.unknown())

/**
 * Accepts an object whose `type` decides which members it must have. A type that is not in `known`, such as `video_url`, may
 * have any members, because an upstream may support it. A union would report only that no alternative matches.
 */
function typed(known: Readonly<Record<string, z.ZodType>>) {
  const byType = new Map(Object.entries(known))
  return z.looseObject({ type: text }).superRefine((value, context) => {
    for (const issue of byType.get(value.type)?.safeParse(value).error?.issues ?? [])
      context.addIssue({ code: 'custom', path: issue.path, message: sayIssue(issue), params: { code: codeOf(issue) } })
  })
}

export const WirePart = typed({
  text: z.looseObject({ text }),
  image_url: z.looseObject({ image_url: z.looseObject({ url: text, detail: text.nullish() }) }),
  input_audio: z.looseObject({ input_audio: z.looseObject({ data: text, format: text }) }),
  file: z.looseObject({
    file: z.looseObject({ file_data: text.nullish(), file_id: text.nullish(), filename: text.nullish() }),
  }),
  refusal: z.looseObject({ refusal: text }),
})

export const WireToolCall = z
  .looseObject({
    id: text,
    type: text.nullish(),
    function: z.looseObject({ name: text, arguments: text }).nullish(),
    custom: z.looseObject({ name: text, input: text }).nullish(),
  })
  .refine((call) => call.function || call.custom, { path: ['function'], error: 'is required' })

const SystemMessage = z.looseObject({ role: z.enum(['system', 'developer']), name: text.nullish() })
const UserMessage = z.looseObject({ role: z.literal('user'), name: text.nullish() })
const AssistantMessage = z.looseObject({
  role: z.literal('assistant'),
  name: text.nullish(),
  refusal: text.nullish(),
  reasoning_content: text.nullish(),
  /** OpenRouter's name for `reasoning_content`. Other services may send any value under this name. */
  reasoning: z.unknown().optional(),
})
const ToolMessage = z.looseObject({ role: z.literal('tool'), tool_call_id: text, name: text.nullish() })
/** OpenAI has deprecated this role in favour of `tool`, but still documents it. */
const FunctionMessage = z.looseObject({ role: z.literal('function'), name: text })

/** Checks a message, except its content and its tool calls. Those lists are read item by item until one is invalid. */
export const WireMessage = z.discriminatedUnion(
  'role',
  [SystemMessage, UserMessage, AssistantMessage, ToolMessage, FunctionMessage],
  { error: 'must be "system", "developer", "user", "assistant", "tool" or "function"' },
)

export const WireTool = typed({
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

export const WireFormat = typed({
  json_schema: z.looseObject({
    json_schema: z.looseObject({
      name: text,
      schema: object.nullish(),
      description: text.nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
})

export type WireMessage = z.infer<typeof WireMessage>
export type WirePart = z.infer<typeof WirePart>
export type WireTool = z.infer<typeof WireTool>
export type WireFormat = z.infer<typeof WireFormat>
export type WireToolCall = z.infer<typeof WireToolCall>

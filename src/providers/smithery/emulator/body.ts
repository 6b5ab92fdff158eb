import { z } from 'zod'

const text = z.strictObject({
  type: z.literal('text'),
  text: z.string(),
  state: z.enum(['streaming', 'done']).optional(),
})
const reasoning = text.extend({ type: z.literal('reasoning') })
const file = z.strictObject({
  type: z.literal('file'),
  mediaType: z.string().regex(/^[\w.+-]+\/([\w.+-]+|\*)$/),
  url: z.string().regex(/^(https?:\/\/|data:[\w.+-]+\/[\w.+*-]+;base64,)/),
  filename: z.string().optional(),
})
const stepStart = z.strictObject({ type: z.literal('step-start') })
const tool = { type: z.string().regex(/^tool-./), toolCallId: z.string().min(1), input: z.looseObject({}) }
const openCall = z.strictObject({ ...tool, state: z.literal('input-available') })
const answeredCall = z.strictObject({
  ...tool,
  state: z.literal('output-available'),
  output: z.strictObject({ content: z.array(z.strictObject({ type: z.literal('text'), text: z.string() })) }),
})

const id = z.string().min(1)
const user = z.strictObject({ id, role: z.literal('user'), parts: z.array(z.union([text, file])).min(1) })
const assistantPart = z.union([text, reasoning, stepStart, openCall, answeredCall])
const assistant = z.strictObject({ id, role: z.literal('assistant'), parts: z.array(assistantPart).min(1) })

const schema = z.looseObject({ type: z.string() })
const offeredTool = z.strictObject({
  type: z.literal('function').optional(),
  name: z.string().min(1),
  title: z.string().optional(),
  description: z.string().optional(),
  inputSchema: schema,
  parameters: schema.optional(),
})

/** The body of `POST /api/chat`: the AI SDK's UIMessages, and the playground's own fields. Unknown fields are refused. */
export const SmitheryBody = z.strictObject({
  id: z.string().optional(),
  messages: z.array(z.discriminatedUnion('role', [user, assistant])).min(1),
  tools: z.array(offeredTool),
  model: z.string().min(1),
  systemPrompt: z.string(),
  reasoningEffort: z.enum(['minimal', 'low', 'medium', 'high']).optional(),
  toolChoice: z.enum(['auto', 'required']).optional(),
})

export type SmitheryBody = z.infer<typeof SmitheryBody>

/** The complaint about a body that has the right shape but is invalid; undefined if the body is valid. */
export function complaintAbout({ messages, tools, toolChoice }: SmitheryBody): string | undefined {
  if (new Set(messages.map((message) => message.id)).size < messages.length) return 'Duplicate message id'
  if (toolChoice === 'required' && tools.length === 0) return 'toolChoice without tools'
  const parts = messages.flatMap((message) => [...message.parts])
  const calls = parts.flatMap((part) => ('toolCallId' in part ? [part.toolCallId] : []))
  return new Set(calls).size < calls.length ? 'Duplicate tool call id' : undefined
}

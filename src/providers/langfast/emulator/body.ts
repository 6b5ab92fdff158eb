import { z } from 'zod'

/** Whether a model reasons. OpenAI accepts only the default sampling values for such a model. */
const isReasoning = (model: string) => /^(o\d|gpt-5)/.test(model)

const PromptMeta = z
  .strictObject({
    model: z.string().min(1),
    messages: z
      .array(
        z.strictObject({
          role: z.enum(['system', 'user', 'assistant']),
          content: z.string(),
          name: z.string().optional(),
        }),
      )
      .min(1),
    temperature: z.number().min(0).max(2).optional(),
    top_p: z.number().min(0).max(1).optional(),
    frequency_penalty: z.number().min(-2).max(2).optional(),
    presence_penalty: z.number().min(-2).max(2).optional(),
    max_completion_tokens: z.int().min(1),
    response_format: z.literal('text'),
    stream: z.literal(true),
  })
  .refine(({ model, temperature = 1, top_p: topP = 1 }) => !isReasoning(model) || (temperature === 1 && topP === 1), {
    error: "Unsupported value: 'temperature' does not support another value than 1 with this model.",
  })

const TestCases = z.array(z.strictObject({ name: z.string().min(1), variables: z.array(z.unknown()) }))

/** The body of `initiate-prompt-run`. Any other body gets the status 400. Upstreams 3.2 */
export const RunBody = z.strictObject({
  run_id: z.uuidv4(),
  prompt_id: z.string().min(1),
  prompt_meta: PromptMeta,
  test_cases: TestCases,
  created_by: z.uuid(),
})

export type RunBody = z.infer<typeof RunBody>

/** The body of `create_prompt`. */
export const PromptBody = z.strictObject({
  p_name: z.string().min(1),
  p_icon: z.literal('openai'),
  p_meta: z.strictObject({ model: z.string().min(1), messages: z.array(z.unknown()), stream: z.literal(true) }),
  p_test_cases: TestCases,
})

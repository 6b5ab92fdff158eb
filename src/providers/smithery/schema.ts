import { z } from 'zod'
import { readCount } from '../../chat/stated-usage.ts'

const text = z.string().nullish().catch(undefined)
const flag = z.boolean().nullish().catch(undefined)
const tokens = z.unknown().transform(readCount).optional()

/** AI SDK, LanguageModelUsage */
export const SmitheryUsage = z.looseObject({
  inputTokens: tokens,
  outputTokens: tokens,
  totalTokens: tokens,
  reasoningTokens: tokens,
  cachedInputTokens: tokens,
  inputTokenDetails: z.looseObject({ cacheReadTokens: tokens, cacheWriteTokens: tokens }).nullish().catch(undefined),
})

/** One chunk of the UI message stream; its members depend on `type`. AI SDK, UIMessageChunk */
export const UiChunk = z.looseObject({
  type: z.string(),
  id: text,
  delta: text,
  toolCallId: text,
  toolName: text,
  inputTextDelta: text,
  input: z.unknown().optional(),
  providerExecuted: flag,
  sourceId: text,
  url: text,
  title: text,
  mediaType: text,
  filename: text,
  errorText: text,
  finishReason: text,
  messageMetadata: z
    .looseObject({ usage: SmitheryUsage.nullish().catch(undefined) })
    .nullish()
    .catch(undefined),
})

/** The value after the code of a line, if it is an object. AI SDK 4, data stream */
export const DataPart = z.looseObject({
  toolCallId: text,
  toolName: text,
  args: z.unknown().optional(),
  argsTextDelta: text,
  url: text,
  title: text,
  id: text,
  mimeType: text,
  data: text,
  finishReason: text,
  usage: z.looseObject({ promptTokens: tokens, completionTokens: tokens }).nullish().catch(undefined),
})

const Said = z.looseObject({ message: text, code: text, type: text })

/** An error's body, or an error in place of a chunk: `{error: "…"}`, `{error: {message}}` or `{message}`. */
export const SmitheryComplaint = Said.extend({ error: z.union([z.string(), Said]).nullish().catch(undefined) })

export type SmitheryUsage = z.infer<typeof SmitheryUsage>
export type UiChunk = z.infer<typeof UiChunk>
export type DataPart = z.infer<typeof DataPart>

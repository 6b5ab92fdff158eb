import type { Fields } from '../../chat/message.ts'
import type { ChatRequest, ResponseFormat } from '../../chat/request.ts'
import { isFields } from '../fields.ts'
import { readMembers } from '../read-members.ts'
import { type Reading, readNumber, readText, readWhole } from '../readings.ts'

/** The members that are parameters of our vocabulary, and their names in it. */
const plain = {
  max_tokens: { parameter: 'maxTokens', read: readLimit },
  temperature: { parameter: 'temperature', read: readNumber },
  top_p: { parameter: 'topP', read: readNumber },
  stop_sequences: { parameter: 'stop', read: readStop },
} as const

interface ReadParameters extends Pick<ChatRequest, 'parameters' | 'spelling'> {
  /** The members of the body that were read. */
  readonly members: readonly string[]
}

/** Reads the parameters but those about tools. @throws ChatError `invalid-request` */
export function decodeParameters(body: Fields): ReadParameters {
  const { parameters, spelling } = readMembers(body, plain)
  const reasoningEffort = effortOf(body)
  if (reasoningEffort) spelling.reasoningEffort = reasoningEffort.name
  const responseFormat = formatOf(body)
  if (responseFormat) spelling.responseFormat = 'output_config.format'
  const user = userOf(body)
  if (user !== undefined) spelling.user = 'metadata.user_id'
  return {
    parameters: {
      ...parameters,
      ...(reasoningEffort && { reasoningEffort: reasoningEffort.effort }),
      ...(responseFormat && { responseFormat }),
      ...(user !== undefined && { user }),
    },
    spelling,
    members: Object.values(spelling).map((name) => name.split('.', 1)[0] ?? name),
  }
}

/** Reads a limit. Zero asks Anthropic to fill its cache; elsewhere one token is the least. */
function readLimit(sent: unknown): Reading<number> {
  const reading = readWhole(sent)
  if ('wrong' in reading || reading.value === undefined) return reading
  return reading.value < 0 ? { wrong: 'must be 0 or more' } : { value: Math.max(1, reading.value) }
}

function readStop(sent: unknown): Reading<readonly string[]> {
  if (!Array.isArray(sent)) return { wrong: 'must be a list of strings', code: 'invalid_type' }
  const words: string[] = []
  for (const [at, word] of sent.entries()) {
    const reading = readText(word)
    if ('wrong' in reading) return { ...reading, at: [at] }
    if (reading.value) words.push(reading.value)
  }
  return { value: words.length > 0 ? words : undefined }
}

/** Budgets of thinking, in tokens, below which an effort is meant. A larger one means the highest effort of all models. */
const budgets = [
  [2_000, 'low'],
  [10_000, 'medium'],
  [24_000, 'high'],
] as const

/** Reads how much the model should think: a word, or a budget of tokens. */
function effortOf({ output_config, thinking }: Fields): { readonly name: string; readonly effort: string } | undefined {
  if (isFields(thinking) && thinking.type === 'disabled') return undefined
  const effort = isFields(output_config) ? output_config.effort : undefined
  if (typeof effort === 'string') return { name: 'output_config.effort', effort }
  if (!isFields(thinking) || typeof thinking.budget_tokens !== 'number') return undefined
  const budget = thinking.budget_tokens
  return { name: 'thinking', effort: budgets.find(([below]) => budget < below)?.[1] ?? 'xhigh' }
}

/** Reads the form of the answer, which older clients name `output_format`. */
function formatOf({ output_config, output_format }: Fields): ResponseFormat | undefined {
  const format = (isFields(output_config) ? output_config.format : undefined) ?? output_format
  if (!isFields(format) || format.type !== 'json_schema' || !isFields(format.schema)) return undefined
  return { type: 'json-schema', name: 'answer', schema: format.schema, strict: true }
}

/** Claude Code writes a JSON object there, which is no name of a user. */
function userOf({ metadata }: Fields): string | undefined {
  const id = isFields(metadata) ? metadata.user_id : undefined
  return typeof id === 'string' && id !== '' && !id.startsWith('{') ? id : undefined
}

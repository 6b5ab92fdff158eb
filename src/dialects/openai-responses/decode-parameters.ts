import type { Fields } from '../../chat/message.ts'
import type { Parameter, Parameters, ResponseFormat } from '../../chat/request.ts'
import { isFields } from '../fields.ts'
import { readMembers, type Spellings } from '../read-members.ts'
import { readFlag, readNumber, readText, readWhole } from '../readings.ts'

/** The members that are parameters of our vocabulary, and their names in it. */
const simple = {
  max_output_tokens: { parameter: 'maxTokens', read: readWhole },
  temperature: { parameter: 'temperature', read: readNumber },
  top_p: { parameter: 'topP', read: readNumber },
  presence_penalty: { parameter: 'presencePenalty', read: readNumber },
  frequency_penalty: { parameter: 'frequencyPenalty', read: readNumber },
  parallel_tool_calls: { parameter: 'parallelToolCalls', read: readFlag },
  user: { parameter: 'user', read: readText },
} as const

/** Reads the parameters but those about tools. @throws ChatError `invalid-request` */
export function decodeSettings(body: Fields): { readonly parameters: Parameters; readonly spelling: Spellings } {
  let { parameters, spelling } = readMembers(body, simple)
  const set = (parameter: Parameter, name: string, value: unknown) => {
    parameters = { ...parameters, [parameter]: value }
    spelling = { ...spelling, [parameter]: name }
  }
  const effort = isFields(body.reasoning) ? body.reasoning.effort : undefined
  if (typeof effort === 'string') set('reasoningEffort', 'reasoning.effort', effort)
  const format = isFields(body.text) ? formatOf(body.text.format) : undefined
  if (format) set('responseFormat', 'text.format', format)
  return { parameters, spelling }
}

/** The form of a text stands beside its name, and not below it as in Chat Completions. */
function formatOf(format: unknown): ResponseFormat | undefined {
  if (!isFields(format)) return undefined
  const { type, name, schema, description, strict } = format
  if (type === 'json_object') return { type: 'json' }
  if (type !== 'json_schema') return undefined
  return {
    type: 'json-schema',
    name: typeof name === 'string' ? name : 'answer',
    ...(isFields(schema) && { schema }),
    ...(typeof description === 'string' && { description }),
    ...(typeof strict === 'boolean' && { strict }),
  }
}

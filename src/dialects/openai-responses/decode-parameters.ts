import type { Fields } from '../../chat/message.ts'
import type { Parameter, Parameters, ResponseFormat } from '../../chat/request.ts'
import { isFields } from '../fields.ts'
import { mustBe, refusedBody } from '../invalid-request.ts'
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
  const effort = objectIn(body, 'reasoning')?.effort
  if (typeof effort === 'string') set('reasoningEffort', 'reasoning.effort', effort)
  const format = formatOf(objectIn(body, 'text')?.format)
  if (format) set('responseFormat', 'text.format', format)
  return { parameters, spelling }
}

/** Its members would be lost in silence if it were something else. @throws ChatError `invalid-request` */
function objectIn(body: Fields, name: string): Fields | undefined {
  const value = body[name] ?? undefined
  if (value === undefined || isFields(value)) return value
  throw refusedBody({ path: [name], problem: mustBe('an object', value), code: 'invalid_type' })
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

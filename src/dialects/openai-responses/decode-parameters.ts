import type { Fields } from '../../chat/message.ts'
import type { Parameter, Parameters, ResponseFormat } from '../../chat/request.ts'
import { isFields } from '../fields.ts'
import { refusedBody } from '../invalid-request.ts'
import { type Reading, readFlag, readNumber, readText, readWhole } from '../readings.ts'

/** The members that are parameters of our vocabulary, and their names in it. */
const simple = {
  max_output_tokens: { parameter: 'maxTokens', read: readWhole },
  temperature: { parameter: 'temperature', read: readNumber },
  top_p: { parameter: 'topP', read: readNumber },
  presence_penalty: { parameter: 'presencePenalty', read: readNumber },
  frequency_penalty: { parameter: 'frequencyPenalty', read: readNumber },
  parallel_tool_calls: { parameter: 'parallelToolCalls', read: readFlag },
  user: { parameter: 'user', read: readText },
} as const satisfies Record<
  string,
  { readonly parameter: Parameter; readonly read: (sent: unknown) => Reading<unknown> }
>

type Spellings = Partial<Record<Parameter, string>>

/** Reads the parameters but those about tools. @throws ChatError `invalid-request` */
export function decodeSettings(body: Fields): { readonly parameters: Parameters; readonly spelling: Spellings } {
  let parameters: Parameters = {}
  const spelling: Spellings = {}
  const set = (parameter: Parameter, name: string, value: unknown) => {
    parameters = { ...parameters, [parameter]: value }
    spelling[parameter] = name
  }
  for (const [name, { parameter, read }] of Object.entries(simple)) {
    if (body[name] === undefined || body[name] === null) continue
    const reading = read(body[name])
    if ('wrong' in reading)
      throw refusedBody({ path: [name], problem: reading.wrong, code: reading.code ?? 'invalid_value' })
    if (reading.value !== undefined) set(parameter, name, reading.value)
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

import type { Fields } from '../../chat/message.ts'
import type { ChatRequest, Parameter, Parameters, ResponseFormat, Tool, ToolChoice } from '../../chat/request.ts'
import { isFields, nestedRest, rest, withExtra } from './fields.ts'
import type { WireRequest, WireTool } from './schema.ts'

/** The dialect's own name of each parameter; `max_tokens` is the older of the two for `maxTokens`. */
export const names = {
  tools: 'tools',
  toolChoice: 'tool_choice',
  parallelToolCalls: 'parallel_tool_calls',
  responseFormat: 'response_format',
  temperature: 'temperature',
  topP: 'top_p',
  maxTokens: 'max_completion_tokens',
  stop: 'stop',
  seed: 'seed',
  frequencyPenalty: 'frequency_penalty',
  presencePenalty: 'presence_penalty',
  choices: 'n',
  logprobs: 'logprobs',
  topLogprobs: 'top_logprobs',
  reasoningEffort: 'reasoning_effort',
  user: 'user',
  metadata: 'metadata',
  serviceTier: 'service_tier',
} as const satisfies Record<Parameter, string>

export function decodeParameters(wire: WireRequest): Pick<ChatRequest, 'parameters' | 'spelling'> {
  const maxTokens = wire.max_completion_tokens ?? wire.max_tokens
  const parameters = present<Parameters>({
    tools: wire.tools?.map(decodeTool),
    toolChoice: wire.tool_choice ? decodeToolChoice(wire.tool_choice) : undefined,
    parallelToolCalls: wire.parallel_tool_calls,
    responseFormat: wire.response_format ? decodeResponseFormat(wire.response_format) : undefined,
    temperature: wire.temperature,
    topP: wire.top_p,
    maxTokens,
    stop: typeof wire.stop === 'string' ? [wire.stop] : wire.stop,
    seed: wire.seed,
    frequencyPenalty: wire.frequency_penalty,
    presencePenalty: wire.presence_penalty,
    choices: wire.n,
    logprobs: wire.logprobs,
    topLogprobs: wire.top_logprobs,
    reasoningEffort: wire.reasoning_effort,
    user: wire.user,
    metadata: wire.metadata,
    serviceTier: wire.service_tier,
  })
  const spelled = {
    ...names,
    maxTokens: typeof wire.max_completion_tokens === 'number' ? names.maxTokens : 'max_tokens',
  }
  const spelling: Partial<Record<Parameter, string>> = {}
  for (const parameter of parametersIn(parameters)) spelling[parameter] = spelled[parameter]
  return { parameters, spelling }
}

/** The parameters that are there, by the vocabulary's names. */
export function parametersIn(parameters: Parameters): Parameter[] {
  return Object.keys(parameters).filter((key): key is Parameter => Object.hasOwn(names, key))
}

/** The members that are neither null nor undefined. */
function present<T extends object>(members: { readonly [K in keyof T]?: T[K] | null | undefined }): Partial<T> {
  const found: Partial<T> = {}
  for (const key in members) {
    const value = members[key]
    if (value !== null && value !== undefined) found[key] = value
  }
  return found
}

function decodeTool(tool: WireTool): Tool {
  const called = tool.function
  if (tool.type !== 'function' || !isFields(called))
    return { type: 'foreign', name: tool.type, extra: rest(tool, ['type']) ?? {} }
  const { description, parameters, strict } = called
  return {
    type: 'function',
    name: String(called.name),
    ...(typeof description === 'string' && { description }),
    ...(isFields(parameters) && { parameters }),
    ...(typeof strict === 'boolean' && { strict }),
    ...withExtra(nestedRest(tool, 'function', ['type'], ['name', 'description', 'parameters', 'strict'])),
  }
}

function decodeToolChoice(choice: string | Fields): ToolChoice {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice }
  if (!isFields(choice)) return { type: 'foreign', value: choice }
  const named = choice.function
  if (choice.type !== 'function' || !isFields(named) || typeof named.name !== 'string')
    return { type: 'foreign', value: choice }
  const isPlain = !nestedRest(choice, 'function', ['type'], ['name'])
  return isPlain ? { type: 'function', name: named.name } : { type: 'foreign', value: choice }
}

function decodeResponseFormat(format: NonNullable<WireRequest['response_format']>): ResponseFormat {
  const isPlain = !rest(format, ['type'])
  if (format.type === 'text' && isPlain) return { type: 'text' }
  if (format.type === 'json_object' && isPlain) return { type: 'json' }
  const inner = format.json_schema
  if (format.type !== 'json_schema' || !isFields(inner)) return { type: 'foreign', value: format }
  const { schema, description, strict } = inner
  return {
    type: 'json-schema',
    name: String(inner.name),
    ...(isFields(schema) && { schema }),
    ...(typeof description === 'string' && { description }),
    ...(typeof strict === 'boolean' && { strict }),
    ...withExtra(nestedRest(format, 'json_schema', ['type'], ['name', 'schema', 'description', 'strict'])),
  }
}

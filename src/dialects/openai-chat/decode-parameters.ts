import type { Fields } from '../../chat/message.ts'
import type { ChatRequest, Parameter, Parameters, SentValue, UnreadableField } from '../../chat/request.ts'
import { complaintOf, refusedBody } from '../invalid-request.ts'
import {
  isInfinite,
  type Reading,
  readChoices,
  readFlag,
  readLimit,
  readLogprobs,
  readNumber,
  readObject,
  readStop,
  readText,
  readWhole,
} from '../readings.ts'
import { readFormat } from './decode-format.ts'
import { readToolChoice, readTools } from './decode-tools.ts'

/** The dialect's name of each parameter. `max_tokens` is the older name of `maxTokens`. */
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

const readers: { readonly [P in Parameter]-?: (sent: unknown) => Reading<NonNullable<Parameters[P]>> } = {
  tools: readTools,
  toolChoice: readToolChoice,
  parallelToolCalls: readFlag,
  responseFormat: readFormat,
  temperature: readNumber,
  topP: readNumber,
  maxTokens: readLimit,
  stop: readStop,
  seed: readWhole,
  frequencyPenalty: readNumber,
  presencePenalty: readNumber,
  choices: readChoices,
  logprobs: readLogprobs,
  topLogprobs: readWhole,
  reasoningEffort: readText,
  user: readText,
  metadata: readObject,
  serviceTier: readText,
}

export interface DecodedParameters extends Required<Pick<ChatRequest, 'parameters' | 'spelling' | 'sent' | 'unread'>> {
  /** The members that have a value and that only this dialect knows. */
  readonly others: Fields
}

interface DecodingState {
  parameters: Parameters
  readonly spelling: Partial<Record<Parameter, string>>
  readonly sent: Partial<Record<Parameter, SentValue>>
  readonly unread: UnreadableField[]
}

/**
 * Reads each parameter separately. A wrong one is kept, so that the upstream can judge it.
 * @throws ChatError `invalid-request` for a number that no parser can hold
 */
export function decodeParameters(wire: Fields): DecodedParameters {
  const found: DecodingState = { parameters: {}, spelling: {}, sent: {}, unread: [] }
  const others: Record<string, unknown> = {}
  const present: SentParameter[] = []
  for (const name in wire) {
    if (notParameters.has(name)) continue
    const raw = wire[name]
    if (!isPresent(raw) && !(name === 'tools' && isNoTools(wire))) continue
    const parameter = parameterIn(wire, name)
    if (parameter) present.push({ parameter, name, raw })
    else others[name] = raw
  }
  // the receipt names them in the order of the table
  if (present.length > 1) present.sort((a, b) => placeOf(a) - placeOf(b))
  for (const one of present) readParameter(found, readers, one)
  const { parameters, spelling, sent, unread } = found
  return { parameters, spelling, sent, unread, others }
}

/** Members that the gateway reads itself, and one that no object may get. */
const notParameters: ReadonlySet<string> = new Set(['model', 'messages', 'stream', 'stream_options', '__proto__'])

const places = Object.keys(names)

function placeOf({ parameter }: SentParameter): number {
  return places.indexOf(parameter)
}

/** The parameter of each name. */
const parameterOf: ReadonlyMap<string, Parameter> = new Map(
  Object.keys(names)
    .filter(isParameter)
    .map((parameter) => [names[parameter], parameter]),
)

/** Returns the parameter that a member holds. The older name of the limit is another member if both are there. */
function parameterIn(wire: Fields, name: string): Parameter | undefined {
  if (name === 'max_tokens') return isPresent(wire.max_completion_tokens) ? undefined : 'maxTokens'
  return parameterOf.get(name)
}

function isParameter(key: string): key is Parameter {
  return Object.hasOwn(names, key)
}

/** Whether `tools` is null beside a parameter about tools. Otherwise null is treated as absent. */
function isNoTools({ tools, tool_choice, parallel_tool_calls }: Fields): boolean {
  return tools === null && (isPresent(tool_choice) || isPresent(parallel_tool_calls))
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}

interface SentParameter {
  readonly parameter: Parameter
  readonly name: string
  readonly raw: unknown
}

function readParameter(found: DecodingState, by: typeof readers, { parameter, name, raw }: SentParameter): void {
  const reading: Reading<unknown> = by[parameter](raw)
  found.spelling[parameter] = name
  if ('wrong' in reading) {
    const { wrong: problem, code = 'invalid_value', at: path = [] } = reading
    if (isInfinite(raw)) throw refusedBody({ path, problem: 'is a number too large to be read', code }, [name])
    found.unread.push({ ...complaintOf({ path, problem, code }, [name]), parameter })
    found.sent[parameter] = { raw, read: undefined }
    return
  }
  const { value, isOdd } = reading
  if (isOdd) found.sent[parameter] = { raw, read: value }
  if (value !== undefined) found.parameters = { ...found.parameters, [parameter]: value }
}

/** Returns the names of the parameters that are present. */
export function parametersIn(parameters: object): Parameter[] {
  return Object.keys(parameters).filter(isParameter)
}

import { ChatError } from '../../chat/error.ts'
import type { Fields, Message } from '../../chat/message.ts'
import type {
  ChatRequest,
  FunctionTool,
  Parameters,
  ResponseFormat,
  SentValue,
  ToolChoice,
} from '../../chat/request.ts'
import { KnownTools } from './known-tools.ts'
import { type Marks, marksFor } from './marks.ts'
import { languageOf, type PromptWords, wordsOf } from './prompt-words.ts'
import { addInstructions, retell } from './retell.ts'
import { signatureOf, typeOfSchema } from './signature.ts'

/** What an upstream cannot do for a request. */
export interface Lacks {
  readonly tools: boolean
  readonly format: boolean
}

/** How a request is sent to an upstream that lacks something, and how its answer is read. */
export interface EmulationPlan {
  readonly request: ChatRequest
  readonly words: PromptWords
  readonly marks: Marks
  /** The tools that the model may call now; undefined if it may call none. */
  readonly tools: KnownTools | undefined
  readonly isForced: boolean
  readonly isParallel: boolean
  /** The JSON that the answer must be; undefined if it may be any text. */
  readonly format: { readonly schema?: Fields } | undefined
}

/**
 * Plans the emulation of what the upstream lacks, and yields so that other work can run.
 * @throws ChatError `unsupported` for what only the client's dialect knows
 */
export function* planEmulation(request: ChatRequest, lacks: Lacks): Generator<void, EmulationPlan> {
  const { messages, parameters } = request
  refuseUnread(request, lacks)
  const tools = lacks.tools ? functionsIn(request) : []
  const choice = tools.length > 0 ? choiceIn(request) : { type: 'none' as const }
  const offered = choice.type === 'function' ? tools.filter(({ name }) => name === choice.name) : tools
  if (choice.type === 'function' && offered.length === 0) throw noSuchTool(request, choice.name)
  const marks = marksFor(nonceOf(messages, tools))
  const words = wordsOf[languageOf(messages)]
  const isParallel = parameters.parallelToolCalls !== false
  const format = lacks.format ? formatIn(parameters.responseFormat) : undefined
  const told = instructionsOf({ words, marks, tools, isParallel, format, choice })
  return {
    request: {
      ...withoutNative(request),
      ...withoutEmulated(request, lacks),
      messages: lacks.tools
        ? yield* retell(messages, { marks, tools: new KnownTools(tools), ...told })
        : addInstructions(messages, told),
    },
    words,
    marks,
    tools: choice.type === 'none' ? undefined : new KnownTools(offered),
    isForced: choice.type === 'required' || choice.type === 'function',
    isParallel,
    format,
  }
}

/** The body that the request was decoded from does not say what is sent. */
function withoutNative({ native: _, ...request }: ChatRequest): ChatRequest {
  return request
}

const toolParameters = ['tools', 'toolChoice', 'parallelToolCalls'] as const

function lackedParameters({ tools, format }: Lacks): readonly (keyof Parameters)[] {
  return [...(tools ? toolParameters : []), ...(format ? ['responseFormat' as const] : [])]
}

/** The names of the parameters that are emulated. */
export function emulatedParameters({ parameters }: ChatRequest, lacks: Lacks): readonly (keyof Parameters)[] {
  return lackedParameters(lacks).filter((name) => parameters[name] !== undefined)
}

function withoutEmulated(request: ChatRequest, lacks: Lacks): Pick<ChatRequest, 'parameters' | 'spelling' | 'sent'> {
  const parameters: Record<string, unknown> = { ...request.parameters }
  const spelling: Record<string, string> = { ...request.spelling }
  const sent: Record<string, SentValue> = { ...request.sent }
  for (const name of emulatedParameters(request, lacks))
    for (const members of [parameters, spelling, sent]) delete members[name]
  return { parameters, spelling, ...(request.sent && { sent }) }
}

function refuseUnread({ unread = [] }: ChatRequest, lacks: Lacks): void {
  const names: readonly unknown[] = lackedParameters(lacks)
  const found = unread.find(({ parameter }) => names.includes(parameter))
  if (found) throw new ChatError('unsupported', found)
}

function functionsIn({ parameters: { tools = [] }, spelling }: ChatRequest): readonly FunctionTool[] {
  const functions = tools.filter((tool) => tool.type === 'function')
  if (tools.length > 0 && functions.length === 0) throw onlyFunctions(spelling.tools ?? 'tools')
  return functions
}

function choiceIn({ parameters: { toolChoice }, spelling }: ChatRequest): Exclude<ToolChoice, { type: 'foreign' }> {
  if (toolChoice?.type === 'foreign') throw onlyFunctions(spelling.toolChoice ?? 'tool_choice')
  return toolChoice ?? { type: 'auto' }
}

function onlyFunctions(param: string): ChatError {
  return new ChatError('unsupported', {
    message: `${param}: this upstream has no tools. The gateway can emulate only tools of the type "function".`,
    param,
  })
}

function noSuchTool({ spelling }: ChatRequest, name: string): ChatError {
  const param = spelling.toolChoice ?? 'tool_choice'
  return new ChatError('invalid-request', { message: `${param} names a tool that is not in tools: ${name}.`, param })
}

function formatIn(format: ResponseFormat | undefined): EmulationPlan['format'] {
  if (format?.type === 'json') return {}
  if (format?.type === 'json-schema') return format.schema ? { schema: format.schema } : {}
  return undefined
}

/** Six hexadecimal digits that a conversation keeps, so that what is sent begins with what was sent before. */
function nonceOf(messages: readonly Message[], tools: readonly FunctionTool[]): string {
  const first = messages.find(({ role }) => role === 'user') ?? messages[0]
  const hash = new Bun.CryptoHasher('sha256').update(JSON.stringify(first?.content ?? []))
  for (const { name, description, parameters } of tools) hash.update(JSON.stringify([name, description, parameters]))
  return hash.digest('hex').slice(0, 6)
}

interface PromptParts {
  readonly words: PromptWords
  readonly marks: Marks
  readonly tools: readonly FunctionTool[]
  readonly isParallel: boolean
  readonly format: EmulationPlan['format']
  readonly choice: ToolChoice
}

function instructionsOf({ words, marks, tools, isParallel, format, choice }: PromptParts) {
  const hasTools = tools.length > 0
  const schema = format?.schema
  const instructions = [
    ...(hasTools ? [...words.tools(marks, isParallel), ...tools.map(signatureOf)] : []),
    ...(format ? [words.json(schema && typeOfSchema(schema), hasTools)] : []),
  ].join('\n\n')
  const json = format ? [words.remindJson] : []
  const join = (lines: readonly string[]) => lines.join('\n')
  return {
    instructions,
    reminder: join([...(hasTools ? [words.remind(marks)] : []), ...json]),
    lastReminder: join(hasTools ? [remindLast(choice, words, marks), ...json] : json),
  }
}

function remindLast(choice: ToolChoice, words: PromptWords, marks: Marks): string {
  if (choice.type === 'required') return words.mustCall
  if (choice.type === 'function') return words.mustCallNamed(choice.name)
  return choice.type === 'none' ? words.mustNotCall : words.remind(marks)
}

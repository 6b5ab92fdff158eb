import type { Fields } from '../../chat/message.ts'
import type { OfferedTool, ToolChoice } from '../../chat/request.ts'
import { isFields, nestedRest, rest } from '../fields.ts'
import { type Fault, faultIn } from '../invalid-request.ts'
import type { Reading } from '../readings.ts'
import { dialect } from './dialect.ts'
import { ownExtra } from './own-extra.ts'
import type { WireTool } from './schema.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** Reads a list of tools, or one tool without a list. It stops at the first tool that is not understood. */
export function readTools(sent: unknown): Reading<readonly OfferedTool[]> {
  if (sent === null) return { value: [], isOdd: true }
  const list: readonly unknown[] | undefined = Array.isArray(sent) ? sent : isFields(sent) ? [sent] : undefined
  if (!list) return { wrong: 'must be a list', code: 'invalid_type' }
  const tools: OfferedTool[] = []
  let isOdd = list !== sent
  for (const [at, one] of list.entries()) {
    const tool = readTool(one)
    if ('fault' in tool) return { wrong: tool.fault.problem, code: tool.fault.code, at: [at, ...tool.fault.path] }
    tools.push(tool.value)
    isOdd ||= tool.isOdd
  }
  return { value: tools, isOdd }
}

type ReadTool = { readonly value: OfferedTool; readonly isOdd: boolean } | { readonly fault: Fault }

function readTool(sent: unknown): ReadTool {
  const parsed = schemas().WireTool.safeParse(sent)
  if (parsed.success) return { value: decodeTool(parsed.data), isOdd: false }
  const normalised = isFields(sent) ? schemas().WireTool.safeParse(normaliseTool(sent)) : undefined
  return normalised?.success ? { value: decodeTool(normalised.data), isOdd: true } : { fault: faultIn(parsed.error) }
}

/** Accepts a function without `type`, with its members beside `type` as in the Responses API, or with members of wrong types. */
function normaliseTool(sent: Fields): Fields {
  const { function: nested, type = 'function', name, description, parameters, input_schema, strict, ...others } = sent
  if (type !== 'function' && type !== null) return sent
  const called = isFields(nested) ? nested : { name, description, parameters: parameters ?? input_schema, strict }
  return { ...others, type: 'function', function: normaliseFunction(called) }
}

function normaliseFunction({ description, parameters, strict, ...called }: Fields): Fields {
  return {
    ...called,
    ...(typeof description === 'string' && { description }),
    ...(isFields(parameters) && { parameters }),
    ...((strict === true || strict === 'true') && { strict: true }),
  }
}

function decodeTool(tool: WireTool): OfferedTool {
  const called = tool.function
  if (tool.type !== 'function' || !isFields(called))
    return { type: 'foreign', name: tool.type, extra: { [dialect]: rest(tool, ['type']) ?? {} } }
  const { description, parameters, strict } = called
  return {
    type: 'function',
    name: String(called.name),
    ...(typeof description === 'string' && { description }),
    ...(isFields(parameters) && { parameters }),
    ...(typeof strict === 'boolean' && { strict }),
    ...ownExtra(nestedRest(tool, 'function', ['type'], ['name', 'description', 'parameters', 'strict'])),
  }
}

/** Words for a tool choice of OpenAI, Mistral and Anthropic. */
const words: ReadonlyMap<unknown, 'auto' | 'none' | 'required'> = new Map<unknown, 'auto' | 'none' | 'required'>([
  ['auto', 'auto'],
  ['none', 'none'],
  ['required', 'required'],
  ['any', 'required'],
])

export function readToolChoice(sent: unknown): Reading<ToolChoice> {
  const word = words.get(sent)
  if (word) return { value: { type: word }, isOdd: word !== sent }
  if (!isFields(sent)) return { wrong: 'must be "auto", "none", "required" or an object', code: 'invalid_value' }
  return readNamed(sent)
}

/** Reads the choice of one function in the forms of Chat Completions, the Responses API and Anthropic. Any other object is kept as `foreign`. */
function readNamed(sent: Fields): Reading<ToolChoice> {
  const { type, function: named, name } = sent
  const word = words.get(type)
  if (word) return { value: { type: word }, isOdd: true }
  if (isFields(named) && typeof named.name === 'string' && (type === 'function' || type === undefined)) {
    const isPlain = type === 'function' && !nestedRest(sent, 'function', ['type'], ['name'])
    return { value: { type: 'function', name: named.name }, isOdd: !isPlain }
  }
  if (typeof name === 'string' && (type === 'function' || type === 'tool'))
    return { value: { type: 'function', name }, isOdd: true }
  return { value: { type: 'foreign', extra: { [dialect]: sent } } }
}

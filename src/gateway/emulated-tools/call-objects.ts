import type { Fields } from '../../chat/message.ts'
import { isFields } from './json-builder.ts'
import type { KnownTool, KnownTools } from './known-tools.ts'

/** A tool, and what a model wrote as its arguments. */
export interface NamedArguments {
  readonly tool: KnownTool
  readonly written: unknown
}

/** Members that hold a tool's name, its arguments, or a list of calls, in the forms of many models. */
export const nameMembers = [
  'name',
  'tool_name',
  'toolName',
  'tool',
  'function_name',
  'function',
  'recipient_name',
  'action',
]
export const argumentMembers = [
  'arguments',
  'parameters',
  'args',
  'input',
  'params',
  'tool_input',
  'action_input',
  'kwargs',
  'tool_args',
]
export const listMembers = ['tool_calls', 'toolCalls', 'function_calls', 'calls', 'tools']
/** Members beside the name that are no arguments. */
const otherMembers = new Set(['id', 'type', 'index', 'call_id', 'tool_call_id'])
/** What `type` says of a call. */
const callTypes: ReadonlySet<unknown> = new Set(['function', 'function_call', 'tool_call', 'tool_use'])
/** Members that hold the JSON Schema of a tool's arguments. */
const schemaMembers = ['parameters', 'input_schema', 'inputSchema']

/**
 * Finds the calls in a JSON value: one, or a list of them, in the forms of OpenAI, Anthropic, Hermes, Llama, and in forms that
 * models make up. @returns undefined unless all of it is calls of known tools
 */
export function callsIn(value: unknown, tools: KnownTools): readonly NamedArguments[] | undefined {
  if (Array.isArray(value)) {
    const found = value.map((item) => (isFields(item) ? callsIn(item, tools) : undefined))
    return found.length > 0 && found.every((calls) => calls !== undefined) ? found.flat() : undefined
  }
  if (!isFields(value)) return undefined
  const list = listMembers.map((member) => value[member]).find(Array.isArray)
  if (list) return callsIn(list, tools)
  const call = callIn(value, tools)
  return call && [call]
}

function callIn(value: Fields, tools: KnownTools): NamedArguments | undefined {
  if (isFields(value.function)) return callIn(value.function, tools)
  for (const member of nameMembers) {
    const name = value[member]
    const tool = typeof name === 'string' ? tools.find(name) : undefined
    if (tool) return isDefinition(value, tool) ? undefined : { tool, written: argumentsOf(value, member, tool) }
  }
  return keyedCall(value, tools)
}

function argumentsOf(value: Fields, nameMember: string, { properties }: KnownTool): unknown {
  const isOwn = (name: string) => name !== nameMember && Object.hasOwn(properties, name)
  const member = argumentMembers.find((name) => value[name] !== undefined)
  const others = Object.keys(value).filter((name) => name !== member && isOwn(name) && !otherMembers.has(name))
  // an argument may have such a name itself
  const isArgument = member !== undefined && isOwn(member) && (others.length > 0 || !isFields(value[member]))
  if (member !== undefined && !isArgument) return value[member]
  const beside = Object.entries(value).filter(([name, argument]) => {
    return name !== nameMember && (!otherMembers.has(name) || (isOwn(name) && !callTypes.has(argument)))
  })
  return Object.fromEntries(beside)
}

/** Whether it says what a tool is, as clients send it: with a JSON Schema where a call has its arguments. */
function isDefinition(value: Fields, { properties }: KnownTool): boolean {
  const schema = schemaMembers.map((name) => value[name]).find(isFields)
  return isFields(schema?.properties) && !Object.hasOwn(properties, 'properties')
}

/** A call whose only member is its arguments, under the tool's name. */
function keyedCall(value: Fields, tools: KnownTools): NamedArguments | undefined {
  const [only, ...others] = Object.entries(value)
  if (!only || others.length > 0 || !isFields(only[1])) return undefined
  const tool = tools.find(only[0])
  return tool && { tool, written: only[1] }
}

/** The name that a value which looks like a call has, known or not. */
export function writtenName(value: unknown): string | undefined {
  if (!isFields(value)) return undefined
  const name = nameMembers.map((member) => value[member]).find((one) => typeof one === 'string')
  return typeof name === 'string' ? name : undefined
}

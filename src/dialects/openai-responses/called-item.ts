import type { Fields } from '../../chat/message.ts'
import { isFields, rest } from '../fields.ts'
import { ownExtra } from './own-extra.ts'
import type { ToolNames } from './tool-names.ts'

/** A tool call that the client runs, as the vocabulary has it. `json` is undefined if the item has no arguments. */
export interface CalledItem {
  readonly id: string
  readonly name: string
  readonly json: string | undefined
}

/** The members of a call that need not be sent back. */
const known = ['type', 'id', 'status', 'call_id', 'name', 'namespace', 'arguments', 'input', 'execution']

/** Whether an item is a call of a tool that the request offered, and that the client runs. */
export function isCall({ type, call_id }: Fields): boolean {
  return type === 'function_call' || type === 'custom_tool_call' || (type === 'tool_search_call' && isText(call_id))
}

/**
 * Reads a call; undefined while its name is not known. The input of a tool that takes a text is a member of its arguments.
 * @param names how the tools are called in the vocabulary, if they are called something else
 */
export function readCall(item: Fields, names: ToolNames | undefined): CalledItem | undefined {
  const { type, id, call_id, name: said, namespace } = item
  const name = type === 'tool_search_call' ? 'tool_search' : said
  if (!isText(name)) return undefined
  return {
    id: isText(call_id) ? call_id : isText(id) ? id : '',
    name: names?.nameOf(name, isText(namespace) ? namespace : undefined) ?? name,
    json: argumentsIn(item),
  }
}

/** What must be sent back with a call. */
export function extraOfCall(item: Fields) {
  return ownExtra(rest(item, known))
}

function argumentsIn({ type, arguments: json, input }: Fields): string | undefined {
  if (type === 'custom_tool_call') return typeof input === 'string' ? JSON.stringify({ input }) : undefined
  if (isFields(json)) return JSON.stringify(json)
  return typeof json === 'string' ? json : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

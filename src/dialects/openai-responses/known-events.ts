import type { KnownEvents } from '../../chat/drift-watch.ts'
import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'

/** Items that the service makes itself, and keeps whole. OpenAI, Responses API, `output` */
const serverItems = [
  'web_search_call',
  'file_search_call',
  'computer_call',
  'code_interpreter_call',
  'image_generation_call',
  'local_shell_call',
  'shell_call',
  'apply_patch_call',
  'tool_search_call',
  'mcp_call',
  '*_output',
  'mcp_list_tools',
  'mcp_approval_request',
  'compaction',
  'configuration_update',
]
/** Progress of the service's own tools, and what an audio model or a person who steers may add. */
const progress = [
  'response.created',
  'response.queued',
  'response.in_progress',
  'response.content_part.*',
  'response.reasoning_summary_part.*',
  'response.web_search_call.*',
  'response.file_search_call.*',
  'response.code_interpreter_call.*',
  'response.code_interpreter_call_code.*',
  'response.image_generation_call.*',
  'response.mcp_*',
  'response.shell_call_*',
  'response.apply_patch_call_*',
  'response.compaction.*',
  'response.audio.*',
  'response.steer',
  'response.steer.*',
  'keepalive',
  'ping',
  'error',
]
/** What the service may write piece by piece, as `delta`. */
const deltas = [
  'response.output_text.delta',
  'response.refusal.delta',
  'response.reasoning_summary_text.delta',
  'response.reasoning_text.delta',
  'response.reasoning.delta',
  'response.function_call_arguments.delta',
  'response.custom_tool_call_input.delta',
]

/** The events of a stream, and what is needed of them. OpenAI, Responses API, streaming events */
export const knownEvents: KnownEvents = {
  '': { type: 'string' },
  ...Object.fromEntries(progress.map((name) => [name, {}])),
  ...Object.fromEntries(deltas.map((name) => [name, { delta: 'string' }])),
  ...Object.fromEntries(deltas.map((name) => [name.replace(/delta$/, 'done'), {}])),
  'response.output_text.annotation.added': { annotation: 'object' },
  'response.output_item.added': { 'item.type': 'string' },
  'response.output_item.done': { 'item.type': 'string' },
  ...itemsNamed('message', { 'item.content?': 'list' }),
  ...itemsNamed('reasoning', { 'item.summary?': 'list' }),
  'response.output_item.added.function_call': {},
  'response.output_item.done.function_call': { 'item.name': 'string', 'item.arguments?': 'string' },
  'response.output_item.added.custom_tool_call': {},
  'response.output_item.done.custom_tool_call': { 'item.name': 'string', 'item.input?': 'string' },
  ...Object.assign({}, ...serverItems.map((type) => itemsNamed(type, {}))),
  'response.completed': { response: 'object', 'response.output?': 'list', 'response.usage?': 'object' },
  'response.incomplete': { response: 'object', 'response.output?': 'list', 'response.usage?': 'object' },
  'response.failed': {},
  'response.cancelled': {},
}

function itemsNamed(type: string, needed: KnownEvents[string]): KnownEvents {
  return { [`response.output_item.added.${type}`]: {}, [`response.output_item.done.${type}`]: needed }
}

/** The name of an event: its type, with the type of its item. */
export function nameOf({ type, item }: Fields): string {
  if (typeof type !== 'string') return ''
  if (type !== 'response.output_item.added' && type !== 'response.output_item.done') return type
  return isFields(item) && typeof item.type === 'string' ? `${type}.${item.type}` : type
}

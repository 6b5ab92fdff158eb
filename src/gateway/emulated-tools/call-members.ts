import { listMembers } from './call-objects.ts'
import type { KnownTools } from './known-tools.ts'

/** Whether a member with this key and value may begin a call. Other JSON, as many answers have it, is not kept back. */
export function isCallMember(key: string, value: string, tools: KnownTools): 'text' | 'more' | undefined {
  if (key === 'type' || key === 'id') return judge(value, key === 'type' ? callTypes : callIds)
  if (key === 'function' || tools.find(key)) return judge(value, ['{'])
  if (listMembers.includes(key)) return judge(value, ['['])
  return key === 'arguments' || key === 'tool_input' || key === 'action_input' ? judge(value, ['{', '"']) : 'text'
}

const callTypes = ['"function"', '"tool_use"', '"tool_call"', '"function_call"']
const callIds = ['"call', '"toolu', '"chatcmpl-tool']

function judge(value: string, beginnings: readonly string[]): 'text' | 'more' | undefined {
  if (beginnings.some((one) => value.startsWith(one))) return undefined
  return beginnings.some((one) => one.startsWith(value)) ? 'more' : 'text'
}

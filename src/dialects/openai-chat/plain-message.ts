import type { Fields } from '../../chat/message.ts'
import { hasOnly, isFields } from '../fields.ts'
import { isDocumentedCall } from './plain-calls.ts'
import type { ReadMessage } from './read-message.ts'
import type { WirePart, WireToolCall } from './schema.ts'

/** A message that has the documented form, and leaves exactly as it came. */
export type PlainMessage =
  | (Fields & {
      readonly role: 'user' | 'system' | 'developer'
      readonly content: string | readonly WirePart[]
      readonly name?: string
    })
  | (Fields & {
      readonly role: 'assistant'
      readonly content: string | null
      readonly tool_calls?: readonly WireToolCall[]
      readonly reasoning_content?: string
    })
  | (Fields & { readonly role: 'tool'; readonly content: string; readonly tool_call_id: string })

/** The members of a plain message for the decoder. */
export function membersOfPlain(message: PlainMessage): ReadMessage {
  const calls = message.role === 'assistant' ? message.tool_calls : undefined
  return { shell: message, content: message.content, calls: calls ?? [] }
}

/**
 * Whether a message is plain. Nearly every message is, and this check takes a tenth of the time of the schema. Other
 * messages may be as valid.
 */
export function isPlainMessage(message: unknown): message is PlainMessage {
  if (!isFields(message)) return false
  switch (message.role) {
    case 'user':
    case 'system':
    case 'developer':
      return hasOnly(message, wordsMembers) && isTextOrAbsent(message.name) && isPlainContent(message.content)
    case 'assistant':
      return hasOnly(message, answerMembers) && isPlainAnswer(message)
    case 'tool':
      return hasOnly(message, resultMembers) && typeof message.content === 'string' && isText(message.tool_call_id)
    default:
      return false
  }
}

const wordsMembers: ReadonlySet<string> = new Set(['role', 'content', 'name'])
const answerMembers: ReadonlySet<string> = new Set(['role', 'content', 'tool_calls', 'reasoning_content'])
const resultMembers: ReadonlySet<string> = new Set(['role', 'content', 'tool_call_id'])
const partMembers: ReadonlySet<string> = new Set(['type', 'text', 'cache_control'])
const imageMembers: ReadonlySet<string> = new Set(['type', 'image_url'])
const urlMembers: ReadonlySet<string> = new Set(['url', 'detail'])

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}

/** A list with one text alone is not plain, because it leaves as a string, which every upstream takes. */
function isPlainContent(content: unknown): boolean {
  if (typeof content === 'string') return true
  if (!Array.isArray(content) || content.length === 0 || content.length > maxListed) return false
  if (!content.every(isPlainPart)) return false
  return content.length > 1 || content[0].type !== 'text' || content[0].cache_control !== undefined
}

function isPlainPart(part: unknown): boolean {
  if (!isFields(part)) return false
  if (part.type === 'text') return hasOnly(part, partMembers) && isText(part.text) && part.cache_control !== null
  if (part.type !== 'image_url' || !isFields(part.image_url) || !hasOnly(part, imageMembers)) return false
  return hasOnly(part.image_url, urlMembers) && isText(part.image_url.url) && isTextOrAbsent(part.image_url.detail)
}

function isPlainAnswer({ content, tool_calls: calls, reasoning_content: thoughts }: Fields): boolean {
  if (!isTextOrAbsent(thoughts)) return false
  if (calls === undefined) return typeof content === 'string'
  if (content !== null && typeof content !== 'string') return false
  return Array.isArray(calls) && calls.length > 0 && calls.length <= maxListed && calls.every(isDocumentedCall)
}

/** More parts or calls of a message are counted, and perhaps refused, by the full reader. */
const maxListed = 1_000

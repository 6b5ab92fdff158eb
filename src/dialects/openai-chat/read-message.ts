import type { z } from 'zod'
import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { type Fault, faultIn } from '../invalid-request.ts'
import type { WireMessage, WirePart, WireToolCall } from './schema.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** A message in the documented form. Its lists were read item by item. */
export interface ReadMessage {
  readonly shell: WireMessage
  readonly content: string | readonly WirePart[] | null | undefined
  readonly calls: readonly WireToolCall[]
}

type ReadResult<T> = { readonly value: T } | { readonly fault: Fault }

/** Reads a message in the documented form. It stops at the first fault. */
export function readMessage(sent: Fields): ReadResult<ReadMessage> {
  const shell = schemas().WireMessage.safeParse(sent)
  if (!shell.success) return { fault: faultIn(shell.error) }
  const { role } = shell.data
  const content = readContent(sent.content, role === 'assistant' || role === 'function')
  if ('fault' in content) return content
  const calls = role === 'assistant' ? readCalls(sent.tool_calls) : { value: [] }
  if ('fault' in calls) return calls
  return { value: { shell: shell.data, content: content.value, calls: calls.value } }
}

function readContent(sent: unknown, isOptional: boolean): ReadResult<ReadMessage['content']> {
  if (typeof sent === 'string') return { value: sent }
  if (isOptional && (sent === null || sent === undefined)) return { value: sent }
  if (Array.isArray(sent)) return readList(sent, { name: 'content', schema: schemas().WirePart, isPlain: isPlainPart })
  const isMissing = sent === undefined
  const problem = isMissing ? 'is required' : 'must be a string or a list of parts'
  return { fault: { path: ['content'], problem, code: isMissing ? 'missing_required_parameter' : 'invalid_value' } }
}

function readCalls(sent: unknown): ReadResult<readonly WireToolCall[]> {
  if (sent === null || sent === undefined) return { value: [] }
  if (Array.isArray(sent))
    return readList(sent, { name: 'tool_calls', schema: schemas().WireToolCall, isPlain: isPlainCall })
  return { fault: { path: ['tool_calls'], problem: 'must be a list', code: 'invalid_type' } }
}

interface ListOptions<T> {
  readonly name: string
  readonly schema: z.ZodType<T>
  /** Whether an item is valid without a look at the schema. Most are, and this check takes a tenth of the time. */
  readonly isPlain: (item: unknown) => item is T
}

function readList<T>(sent: readonly unknown[], { name, schema, isPlain }: ListOptions<T>): ReadResult<readonly T[]> {
  const items: T[] = []
  for (const [at, item] of sent.entries()) {
    const parsed = isPlain(item) ? { success: true as const, data: item } : schema.safeParse(item)
    if (!parsed.success) {
      const fault = faultIn(parsed.error)
      return { fault: { ...fault, path: [name, at, ...fault.path] } }
    }
    items.push(parsed.data)
  }
  return { value: items }
}

function isPlainPart(item: unknown): item is WirePart {
  if (!isFields(item)) return false
  if (item.type === 'text') return typeof item.text === 'string'
  if (item.type !== 'image_url' || !isFields(item.image_url)) return false
  const { url, detail } = item.image_url
  return typeof url === 'string' && (detail === undefined || typeof detail === 'string')
}

function isPlainCall(item: unknown): item is WireToolCall {
  if (!isFields(item) || item.type !== 'function' || typeof item.id !== 'string') return false
  const called = item.function
  if (!isFields(called) || (item.custom ?? null) !== null) return false
  return typeof called.name === 'string' && typeof called.arguments === 'string'
}

import type { Fields, Message, Part, ToolMessage } from '../../chat/message.ts'
import { isFields, rest } from '../fields.ts'
import { type BodyPath, mustBe, refusedBody, textIn } from '../invalid-request.ts'
import { blocksIn, decodeBlock, decodeContent } from './decode-blocks.ts'
import { ownExtra } from './own-extra.ts'

/**
 * Reads the system prompt and the messages. Each result of a tool becomes a message, and stands before the other blocks of
 * its message.
 * @throws ChatError `invalid-request`
 */
export function decodeMessages({ system, messages }: Fields): readonly Message[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    const isMissing = messages === undefined
    const problem = isMissing
      ? 'is required'
      : Array.isArray(messages)
        ? 'must not be empty'
        : mustBe('a list', messages)
    throw refusedBody({
      path: ['messages'],
      problem,
      code: isMissing ? 'missing_required_parameter' : 'invalid_type',
    })
  }
  return [...decodeSystem(system), ...messages.flatMap((message, at) => decodeMessage(message, ['messages', at]))]
}

/** Claude Code's first line is no instruction, and its changing text would cost every prompt cache. */
export const billing = /^x-anthropic-billing-header:.*\n*/

function decodeSystem(system: unknown): readonly Message[] {
  if (system === undefined || system === null) return []
  const content = decodeContent(system, ['system']).flatMap((part) => withoutBilling(part))
  return content.length > 0 ? [{ role: 'system', content }] : []
}

function withoutBilling(part: Part): readonly Part[] {
  if (part.type !== 'text') return [part]
  const text = part.text.replace(billing, '')
  return text === '' ? [] : [{ ...part, text }]
}

function decodeMessage(message: unknown, path: BodyPath): readonly Message[] {
  if (!isFields(message)) throw refusedBody({ path, problem: mustBe('an object', message), code: 'invalid_type' })
  const { role, content } = message
  const at = [...path, 'content']
  switch (role) {
    case 'user':
      return decodeUser(content, at)
    case 'assistant':
    case 'system': {
      const parts = decodeContent(content, at)
      // a message that says nothing would be refused by most services
      return parts.length > 0 ? [{ role, content: parts }] : []
    }
    default:
      throw refusedBody({
        path: [...path, 'role'],
        problem: 'must be "user", "assistant" or "system"',
        code: role === undefined ? 'missing_required_parameter' : 'invalid_value',
      })
  }
}

/** A call has one result in a message, the last one that was sent. Services refuse a second one. */
function decodeUser(content: unknown, path: BodyPath): readonly Message[] {
  if (typeof content === 'string') return [{ role: 'user', content: notEmpty(decodeContent(content, path), path) }]
  const found = new Map<string, ToolMessage>()
  const said: Part[] = []
  for (const [at, block] of blocksIn(content, path).entries()) {
    const result = block.type === 'tool_result' ? decodeResult(block, [...path, at]) : undefined
    if (result) found.set(result.toolCallId, result)
    else said.push(...decodeBlock(block, [...path, at]))
  }
  const results = [...found.values()]
  if (said.length === 0 && results.length > 0) return results
  return [...results, { role: 'user', content: notEmpty(said, path) }]
}

function notEmpty(parts: readonly Part[], path: BodyPath): readonly Part[] {
  if (parts.length > 0) return parts
  throw refusedBody({ path, problem: 'must not be empty', code: 'invalid_value' })
}

function decodeResult(block: Fields, path: BodyPath): ToolMessage {
  const { content = '', is_error } = block
  return {
    role: 'tool',
    toolCallId: textIn(block, 'tool_use_id', path),
    content: contentOf(content ?? '', [...path, 'content']),
    ...(typeof is_error === 'boolean' && { isError: is_error }),
    ...ownExtra(rest(block, ['type', 'tool_use_id', 'content', 'is_error'])),
  }
}

/** A result without content is an empty text, because some services refuse an empty list. */
function contentOf(content: unknown, path: BodyPath): readonly Part[] {
  const parts = decodeContent(content, path).map(named)
  return parts.length > 0 ? parts : [{ type: 'text', text: '' }]
}

/** Names a tool that a search of the client has found. It is offered with the other tools from now on. */
function named(part: Part): Part {
  if (part.type !== 'foreign' || part.name !== 'tool_reference') return part
  const { tool_name } = Object.values(part.extra)[0] ?? {}
  if (typeof tool_name !== 'string') return part
  return { type: 'text', text: `The tool ${tool_name} is available now.`, extra: part.extra }
}

/** Returns the names of the tools to which a result refers. */
export function referencedTools(messages: readonly Message[]): ReadonlySet<unknown> {
  const names = new Set<unknown>()
  for (const { role, content } of messages) {
    if (role !== 'tool') continue
    for (const { extra } of content)
      for (const { type, tool_name } of Object.values(extra ?? {})) if (type === 'tool_reference') names.add(tool_name)
  }
  return names
}

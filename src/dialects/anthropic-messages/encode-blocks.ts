import { ChatError } from '../../chat/error.ts'
import type { Extras, Fields, FilePart, Part, ToolMessage } from '../../chat/message.ts'
import { citationsIn } from './citation.ts'
import { encodeInput } from './decode-blocks.ts'
import { dialect } from './dialect.ts'

/**
 * Writes a part as the block of a request, or as none. Anthropic refuses texts without a visible character, and reasoning without its own
 * signature.
 * @throws ChatError `unsupported` for a part that Anthropic has no block for
 */
export function encodeBlock(part: Part): readonly Fields[] {
  const own = part.extra?.[dialect]
  // a block that was read as a text
  if (part.type === 'text' && typeof own?.type === 'string') return [own]
  switch (part.type) {
    case 'text':
      return textBlock(part.text, { ...citationsMember(citationsIn(part.annotations)), ...own })
    case 'refusal':
      return textBlock(part.text, own)
    case 'reasoning':
      return thinkingBlock(part.text, own)
    case 'image':
      return [{ type: 'image', source: sourceOf(part.url), ...own }]
    case 'file':
      return [{ type: 'document', source: sourceOfFile(part), ...(part.name && { title: part.name }), ...own }]
    case 'tool-call':
      return [{ type: 'tool_use', id: part.id, name: part.name, input: encodeInput(part.arguments), ...own }]
    case 'server-tool-call':
      // a call of another service's own tool
      return own ? [{ ...own, id: part.id, name: part.name, input: encodeInput(part.arguments) }] : []
    case 'server-tool-result':
      return own ? [own] : []
    case 'audio':
      throw unsupported('sound')
    case 'foreign':
      return [foreignBlock(part.name, part.extra)]
  }
}

/** Writes the result of a tool. A result without content is valid. */
export function encodeResult({ toolCallId, isError, content, extra }: ToolMessage): Fields {
  const blocks = content.flatMap(encodeBlock)
  return {
    type: 'tool_result',
    tool_use_id: toolCallId,
    ...(blocks.length > 0 && { content: blocks }),
    ...(isError && { is_error: true }),
    ...extra?.[dialect],
  }
}

export function textBlock(text: string, beside?: Fields): readonly Fields[] {
  return text.trim() === '' ? [] : [{ type: 'text', text, ...beside }]
}

function citationsMember(citations: readonly Fields[]): Fields {
  return citations.length > 0 ? { citations } : {}
}

function thinkingBlock(thinking: string, { redacted, signature }: Fields = {}): readonly Fields[] {
  if (redacted !== undefined) return [{ type: 'redacted_thinking', data: redacted }]
  return signature === undefined ? [] : [{ type: 'thinking', thinking, signature }]
}

function foreignBlock(name: string, extra: Extras): Fields {
  const own = extra[dialect]
  if (own) return own
  throw unsupported(`content of the type "${name}"`)
}

function sourceOf(url: string): Fields {
  const { mediaType, base64 } = dataIn(url)
  if (base64 === undefined) return { type: 'url', url }
  // a wrong name that is common
  return { type: 'base64', media_type: mediaType === 'image/jpg' ? 'image/jpeg' : mediaType, data: base64 }
}

/** Anthropic takes PDF files and plain texts. */
function sourceOfFile({ content, mediaType: stated }: FilePart): Fields {
  if (content === undefined) throw unsupported('files by their id')
  if (/^https?:/.test(content)) return { type: 'url', url: content }
  const { mediaType = stated ?? 'application/pdf', base64 = content } = dataIn(content)
  if (!mediaType.startsWith('text/')) return { type: 'base64', media_type: mediaType, data: base64 }
  return { type: 'text', media_type: 'text/plain', data: Buffer.from(base64, 'base64').toString() }
}

/** Reads a `data:` URL with base64. */
function dataIn(url: string): { readonly mediaType?: string; readonly base64?: string } {
  const comma = url.startsWith('data:') ? url.indexOf(',') : -1
  const [mediaType = '', ...parameters] = comma === -1 ? [] : url.slice('data:'.length, comma).split(';')
  if (!parameters.includes('base64')) return {}
  return { mediaType: mediaType.toLowerCase(), base64: url.slice(comma + 1) }
}

function unsupported(what: string): ChatError {
  const message = `messages: Anthropic does not support ${what}.`
  return new ChatError('unsupported', { message, param: 'messages' })
}

import { ChatError } from '../../chat/error.ts'
import type { Fields, FilePart, ForeignPart, Part, ToolMessage } from '../../chat/message.ts'
import { markedContent } from '../../chat/message.ts'
import { callIdFor } from './call-id.ts'
import { dialect } from './dialect.ts'

/** Writes a part of a user's message, of instructions, or of a tool's result. @throws ChatError `unsupported` */
export function encodeInputPart(part: Part): Fields {
  switch (part.type) {
    case 'text':
      return { type: 'input_text', text: part.text, ...part.extra?.[dialect] }
    case 'image':
      return { type: 'input_image', image_url: part.url, detail: part.detail ?? 'auto', ...part.extra?.[dialect] }
    case 'file':
      return { type: 'input_file', ...fileMembers(part), ...part.extra?.[dialect] }
    case 'audio':
      return { type: 'input_audio', input_audio: { data: part.base64, format: part.format } }
    case 'foreign':
      return encodeForeign(part)
    default:
      return { type: 'input_text', text: 'text' in part ? part.text : '' }
  }
}

/** Writes the result of a tool: a text, or parts if it has pictures or files. */
export function encodeOutput(message: ToolMessage): Fields {
  const content = markedContent(message)
  const isText = content.every(({ type }) => type === 'text')
  const output = isText
    ? content.map((part) => (part.type === 'text' ? part.text : '')).join('\n')
    : content.map(encodeInputPart)
  return { type: 'function_call_output', call_id: callIdFor(message.toolCallId), output }
}

/** A file needs a name, whose ending says what it is, and its content a `data:` URL. OpenAI, File inputs */
function fileMembers({ content = '', fileId, name, mediaType }: FilePart): Fields {
  if (fileId !== undefined) return { file_id: fileId }
  if (/^https?:/.test(content)) return { file_url: content }
  const [, stated = mediaType ?? 'application/pdf'] = /^data:([^;,]+)/.exec(content) ?? []
  const data = content.startsWith('data:') ? content : `data:${stated};base64,${content}`
  return { filename: name ?? `file.${stated.replace(/.*\//, '').replace('plain', 'txt')}`, file_data: data }
}

function encodeForeign({ name, extra }: ForeignPart): Fields {
  const own = extra[dialect]
  if (own) return own
  throw unsupportedPart(`content of the type "${name}"`)
}

export function unsupportedPart(what: string): ChatError {
  return new ChatError('unsupported', {
    message: `messages: the Responses API does not support ${what}.`,
    param: 'messages',
  })
}

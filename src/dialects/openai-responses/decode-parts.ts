import type { Fields, Part } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { type BodyPath, mustBe, refusedBody, textIn } from '../invalid-request.ts'
import { dialect } from './dialect.ts'

/** Reads the content of a message, or the output of a tool: a text, or a list of parts. @throws ChatError `invalid-request` */
export function decodeParts(content: unknown, path: BodyPath): readonly Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  if (content === undefined || content === null) return []
  if (!Array.isArray(content))
    throw refusedBody({ path, problem: mustBe('a string or a list of parts', content), code: 'invalid_type' })
  return content.map((part, at) => {
    if (isFields(part)) return decodePart(part, [...path, at])
    throw refusedBody({ path: [...path, at], problem: mustBe('an object', part), code: 'invalid_type' })
  })
}

const partTypes: ReadonlySet<unknown> = new Set(['input_text', 'output_text', 'text', 'input_image', 'input_file'])

/** Reads the output of a tool. A value that is neither a text nor a list of parts is shown as JSON. @throws ChatError `invalid-request` */
export function decodeOutput(output: unknown, path: BodyPath): readonly Part[] {
  if (output === undefined || output === null || typeof output === 'string') return decodeParts(output, path)
  const isParts = Array.isArray(output) && output.every((part) => isFields(part) && partTypes.has(part.type))
  return decodeParts(isParts ? output : JSON.stringify(output), path)
}

function decodePart(part: Fields, path: BodyPath): Part {
  const { type, input_audio } = part
  switch (type) {
    case 'input_text':
    case 'output_text':
    case 'text':
    case 'summary_text':
    case 'reasoning_text':
      return { type: 'text', text: textIn(part, 'text', path) }
    case 'refusal':
      return { type: 'refusal', text: textIn(part, 'refusal', path) }
    case 'input_image':
    case 'image_url':
      return decodeImage(part, path)
    case 'input_audio':
      if (!isFields(input_audio)) break
      return {
        type: 'audio',
        base64: textIn(input_audio, 'data', [...path, 'input_audio']),
        format: textIn(input_audio, 'format', [...path, 'input_audio']),
      }
    case 'input_file':
      return decodeFile(part, path)
  }
  return foreignPart(part, path)
}

/** Chat Completions has the address and its detail in an object of their own. */
function decodeImage(part: Fields, path: BodyPath): Part {
  const { url = part.image_url, detail = part.detail } = isFields(part.image_url) ? part.image_url : {}
  if (typeof url !== 'string') return foreignPart(part, path)
  return { type: 'image', url, ...(typeof detail === 'string' && { detail }) }
}

function decodeFile(part: Fields, path: BodyPath): Part {
  const { file_data, file_id, filename } = part
  if (typeof file_data !== 'string' && typeof file_id !== 'string') return foreignPart(part, path)
  return {
    type: 'file',
    ...(typeof file_data === 'string' && { content: file_data }),
    ...(typeof file_id === 'string' && { fileId: file_id }),
    ...(typeof filename === 'string' && { name: filename }),
  }
}

function foreignPart(part: Fields, path: BodyPath): Part {
  return { type: 'foreign', name: textIn(part, 'type', path), extra: { [dialect]: part } }
}

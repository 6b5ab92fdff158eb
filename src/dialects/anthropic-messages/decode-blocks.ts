import type { Fields, Part, ToolCallPart } from '../../chat/message.ts'
import { isFields, rest } from '../fields.ts'
import { type BodyPath, mustBe, refusedBody, textIn } from '../invalid-request.ts'
import { dialect } from './dialect.ts'
import { ownExtra } from './own-extra.ts'

/**
 * Reads the content of a message, of the system prompt or of a tool's result: a text, or a list of blocks.
 * @throws ChatError `invalid-request`
 */
export function decodeContent(content: unknown, path: BodyPath): readonly Part[] {
  if (content === null) return []
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  return blocksIn(content, path).flatMap((block, at) => decodeBlock(block, [...path, at]))
}

/** @throws ChatError `invalid-request` if it is not a list of blocks */
export function blocksIn(content: unknown, path: BodyPath): readonly Fields[] {
  if (content === undefined) throw refusedBody({ path, problem: 'is required', code: 'missing_required_parameter' })
  if (!Array.isArray(content))
    throw refusedBody({ path, problem: mustBe('a string or a list of blocks', content), code: 'invalid_type' })
  for (const [at, block] of content.entries())
    if (!isFields(block) || typeof block.type !== 'string')
      throw refusedBody({ path: [...path, at], problem: 'must be an object with a "type"', code: 'invalid_type' })
  return content
}

/** Decodes one block. A block of an unknown type, and one of a tool that Anthropic runs, is kept for an upstream of this dialect. */
export function decodeBlock(block: Fields, path: BodyPath): readonly Part[] {
  switch (block.type) {
    case 'text':
      return textPart(textIn(block, 'text', path), rest(block, ['type', 'text']))
    case 'image':
      return [imagePart(block)]
    case 'document':
      return documentParts(block, path)
    case 'search_result':
      return [searchResult(block, path)]
    case 'thinking':
      return [{ type: 'reasoning', text: textIn(block, 'thinking', path), ...signatureOf(block) }]
    case 'redacted_thinking':
      return [{ type: 'reasoning', text: '', ...ownExtra({ redacted: textIn(block, 'data', path) }) }]
    case 'tool_use':
      return [toolCall(block, path)]
    default:
      return [foreign(block)]
  }
}

/** Anthropic refuses an empty text, and an empty text says nothing. */
function textPart(text: string, extra: Fields | undefined): readonly Part[] {
  return text === '' ? [] : [{ type: 'text', text, ...ownExtra(extra) }]
}

/** An empty signature is that of a model that makes none. */
function signatureOf({ signature }: Fields) {
  return ownExtra(typeof signature === 'string' && signature !== '' ? { signature } : undefined)
}

/** The member of calls that Claude Code could not read. It repeats them in this form. */
const unparsed = '__unparsedToolInput'

function toolCall(block: Fields, path: BodyPath): ToolCallPart {
  const input = block.input ?? {}
  const raw = isFields(input) && isFields(input[unparsed]) ? input[unparsed].raw : undefined
  return {
    type: 'tool-call',
    id: textIn(block, 'id', path),
    name: textIn(block, 'name', path),
    arguments: typeof raw === 'string' ? raw : JSON.stringify(input),
    ...ownExtra(rest(block, ['type', 'id', 'name', 'input'])),
  }
}

/** Writes the input of a call. Arguments that are no JSON object stand in the member that Claude Code uses for them. */
export function encodeInput(json: string): Fields {
  try {
    const value: unknown = json.trim() === '' ? {} : JSON.parse(json)
    if (isFields(value)) return value
  } catch {
    // the model's mistake is shown to the client as it is
  }
  return { [unparsed]: { raw: json, len: json.length } }
}

function imagePart(block: Fields): Part {
  const url = urlOf(block.source)
  return url === undefined ? foreign(block) : { type: 'image', url, ...ownExtra(rest(block, ['type', 'source'])) }
}

/** A document that is a text, or has blocks, is shown to every model. Any other one is a file. */
function documentParts(block: Fields, path: BodyPath): readonly Part[] {
  const { source, title } = block
  if (!isFields(source)) return [foreign(block)]
  const name = typeof title === 'string' && title !== '' ? title : undefined
  if (source.type === 'text') return textPart(titled(name, textIn(source, 'data', [...path, 'source'])), undefined)
  if (source.type === 'content') {
    const heading = name === undefined ? [] : textPart(name, undefined)
    return [...heading, ...decodeContent(source.content, [...path, 'source', 'content'])]
  }
  if (source.type !== 'base64') return [foreign(block)]
  const extra = rest(block, ['type', 'source', 'title'])
  const content = urlOf(source)
  return content === undefined
    ? [foreign(block)]
    : [{ type: 'file', content, ...(name !== undefined && { name }), ...ownExtra(extra) }]
}

function searchResult(block: Fields, path: BodyPath): Part {
  const content = decodeContent(block.content, [...path, 'content'])
  const text = content.map((part) => (part.type === 'text' ? part.text : '')).join('\n')
  const [title, source] = [block.title, block.source].map((one) => (typeof one === 'string' ? one : ''))
  return { type: 'text', text: [title, source, text].filter((line) => line !== '').join('\n') }
}

function titled(title: string | undefined, text: string): string {
  return title === undefined ? text : `${title}\n\n${text}`
}

/** Returns the URL of a source: an `https:` one, or the data itself as a `data:` URL. */
function urlOf(source: unknown): string | undefined {
  if (!isFields(source)) return undefined
  const { type, url, media_type, data } = source
  if (type === 'url' && typeof url === 'string') return url
  const isData = type === 'base64' && typeof media_type === 'string' && typeof data === 'string'
  return isData ? `data:${media_type};base64,${data}` : undefined
}

function foreign(block: Fields): Part {
  return { type: 'foreign', name: String(block.type), extra: { [dialect]: block } }
}

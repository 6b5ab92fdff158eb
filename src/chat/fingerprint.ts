import { createHash } from 'node:crypto'
import { callsOf, type Fields, type Message, type Part, type ToolCallPart } from './message.ts'

/**
 * Names a message prefix: SHA-256, hex, of what the messages say. Stable across key order, content as a string or as
 * parts, neighbouring text parts, `developer` for `system`, spelled-out defaults, and the spacing of a call's JSON.
 * Ids of tool calls do not count: a client may renumber them.
 * @param scope whose messages they are (client key, model, account …): equal messages of two scopes never meet
 */
export function fingerprint(scope: readonly string[], messages: readonly Message[]): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify(scope))
  for (const message of messages) hash.update(`\n${JSON.stringify(canonicalMessage(message))}`)
  return hash.digest('hex')
}

function canonicalMessage(message: Message): unknown {
  return [
    message.role === 'developer' ? 'system' : message.role,
    message.name ?? '',
    canonicalParts(message.content),
    callsOf(message).map(canonicalCall),
  ]
}

/**
 * Reasoning is left out: clients drop it from the history or keep it, as they like. So are calls, which stand by
 * themselves, and what the upstream ran itself, which not every dialect can tell again.
 */
function canonicalParts(parts: readonly Part[]): unknown[] {
  const found: unknown[] = []
  let text = ''
  for (const part of parts) {
    if (part.type === 'text') text += part.text
    else if (isCounted(part)) {
      if (text) found.push(text)
      text = ''
      found.push(canonicalPart(part))
    }
  }
  return text ? [...found, text] : found
}

type CountedPart = Exclude<
  Part,
  { type: 'text' | 'reasoning' | 'tool-call' | 'server-tool-call' | 'server-tool-result' }
>

function isCounted(part: Part): part is CountedPart {
  return !['text', 'reasoning', 'tool-call', 'server-tool-call', 'server-tool-result'].includes(part.type)
}

function canonicalPart(part: CountedPart): unknown {
  switch (part.type) {
    case 'image':
      return ['image', part.url, part.detail === 'auto' ? '' : (part.detail ?? '')]
    case 'audio':
      return ['audio', part.format, part.base64]
    case 'file':
      return ['file', part.fileId ?? '', part.content ?? '', part.name ?? '']
    case 'refusal':
      return ['refusal', part.text]
    case 'foreign':
      return ['foreign', part.name, sorted(part.extra)]
  }
}

function canonicalCall(call: ToolCallPart): unknown {
  try {
    return [call.name, sorted(JSON.parse(call.arguments || '{}'))]
  } catch {
    // no JSON, and so unlike the JSON of any string
    return [call.name, null, call.arguments]
  }
}

/** The value with the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isFields(value)) return value
  const keys = Object.keys(value).sort()
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]))
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

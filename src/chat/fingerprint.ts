import { callsOf, type Fields, type Message, type Part, type ToolCallPart } from './message.ts'

/**
 * Returns a SHA-256 hash, in hex, of what the messages say. It does not depend on key order, on content as a string or as
 * parts, on how text is split into parts, on `developer` for `system`, on explicit defaults, or on white space in a call's
 * JSON. It ignores the ids of tool calls, because a client may renumber them.
 * @param scope the owner of the messages (client key, model, account …): equal messages of two scopes have different hashes
 */
export function fingerprint(scope: readonly string[], messages: readonly Message[]): string {
  const hash = new Bun.CryptoHasher('sha256')
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
 * Leaves out reasoning, because some clients drop it from the history; tool calls, which `canonicalCall` handles; and calls
 * that the upstream ran itself, because some dialects cannot repeat them.
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
      return ['foreign', part.name, sortKeys(part.extra)]
  }
}

function canonicalCall(call: ToolCallPart): unknown {
  try {
    return [call.name, sortKeys(JSON.parse(call.arguments || '{}'))]
  } catch {
    // the extra `null` keeps invalid JSON apart from a JSON string with the same text
    return [call.name, null, call.arguments]
  }
}

/** Returns the value with the keys of every object in order. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (!isFields(value)) return value
  const keys = Object.keys(value).sort()
  return Object.fromEntries(keys.map((key) => [key, sortKeys(value[key])]))
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

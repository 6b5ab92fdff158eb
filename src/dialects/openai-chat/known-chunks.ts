import type { NoteDrift } from '../../chat/drift.ts'
import { DriftWatch, type KnownEvents } from '../../chat/drift-watch.ts'
import { isFields } from '../fields.ts'
import { isEmpty } from './contents.ts'
import type { WireChoice } from './wire-reply.ts'

/** What is needed of a message, or of a piece of one. Lua writes an empty list as an object. */
const said = {
  'content?': ['string', 'list', 'number', 'object'],
  'refusal?': 'string',
  'reasoning_content?': 'string',
  'role?': 'string',
  'tool_calls?': ['list', 'object'],
  'annotations?': ['list', 'object'],
} as const

/** A chunk has no name, so its parts have. `ping` and the like are the signs of life of some services. */
const known: KnownEvents = {
  chunk: { choices: ['list', 'object'] },
  // Azure's filters have choices of their own
  choice: { 'delta|message|content_filter_results': ['object', 'string'] },
  delta: said,
  'tool call': { 'function.name|name': 'string' },
  ping: {},
  keepalive: {},
  'keep-alive': {},
  heartbeat: {},
}

/** Members of a delta beside those that become events. They are relayed, or handed back. */
const knownMembers: ReadonlySet<string> = new Set([
  ...['role', 'content', 'refusal', 'reasoning_content', 'reasoning', 'tool_calls', 'annotations', 'name', 'prefix'],
  // OpenAI, Chat Completions
  ...['audio', 'function_call', 'obfuscation', 'moderation'],
  // OpenRouter, LiteLLM, Gemini, Groq, xAI, vLLM, Perplexity, Azure
  ...[
    'images',
    'reasoning_details',
    'provider_specific_fields',
    'thinking_blocks',
    'extra_content',
    'thought_signature',
  ],
  ...['executed_tools', 'channel', 'citations', 'search_results', 'token_ids', 'context', 'end_turn'],
])

/** The types of the parts of a content. */
const knownParts: ReadonlySet<unknown> = new Set([
  ...['text', 'output_text', 'thinking', 'reference', 'refusal', undefined, null],
  ...['image', 'image_url', 'audio', 'input_audio', 'file', 'document_url', 'tool_reference', 'tool_file'],
])

/** Looks at what has become no event of an answer, and finds out whether the dialect has changed. */
export class ChunkWatch {
  readonly #drift: DriftWatch

  constructor(note: NoteDrift) {
    this.#drift = new DriftWatch(known, note)
  }

  /** A frame that has nothing of a chunk. */
  foreign(value: unknown): void {
    const { type, object } = isFields(value) ? value : {}
    this.#drift.look([type, object].find((name) => typeof name === 'string') ?? 'message', value)
  }

  /** A chunk without choices, or one that cannot be read. */
  chunk(value: unknown): void {
    this.#drift.look('chunk', value)
  }

  afterFailure(thrown: unknown, value: unknown): void {
    this.#drift.lookAfter(thrown, 'chunk', value)
  }

  /** A choice that has added nothing, or that had a member of a wrong type. */
  choice({ raw, said: read }: WireChoice): void {
    this.#drift.look('choice', raw)
    const own = raw.delta ?? raw.message
    if (!isFields(own)) return
    this.#drift.look('delta', own)
    for (const name in read)
      if (!knownMembers.has(name) && says(read[name])) this.#drift.tellUnknown(`delta.${name}`, own)
    for (const part of Array.isArray(own.content) ? own.content : [])
      if (isFields(part) && !knownParts.has(part.type)) this.#drift.tellUnknown(`content.${String(part.type)}`, part)
  }

  /** A call that has ended without a name. */
  namelessCall(): void {
    this.#drift.look('tool call', {})
  }
}

function says(value: unknown): boolean {
  return value !== null && value !== undefined && !isEmpty(value)
}

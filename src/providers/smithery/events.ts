import type { NoteDrift } from '../../chat/drift.ts'
import { DriftWatch } from '../../chat/drift-watch.ts'
import type { ChatError } from '../../chat/error.ts'
import type { ChatEvent, Usage } from '../../chat/event.ts'
import { brokenAnswer } from '../../chat/reply-errors.ts'
import { wholeCounts } from '../../chat/stated-usage.ts'
import { isRefusal } from '../../dialects/openai-chat/refusal-inside.ts'
import { frameValue } from '../../wire/frame-value.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'
import { AnswerBuilder, cancelled, complaintOf } from './answer.ts'
import { knownChunks } from './known-events.ts'
import type { SmitheryUsage, UiChunk } from './schema.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/**
 * Reads the UI message stream of `POST /api/chat`. Its end is `finish`. If a server leaves it out, `[DONE]` after a
 * closed block is the end. AI SDK, UI message stream protocol v1
 */
export class UiMessageDecoder implements FrameDecoder {
  readonly #answer = new AnswerBuilder()
  /** Blocks that are open. */
  readonly #open = new Set<string>()
  #closed = 0
  readonly #drift: DriftWatch | undefined

  constructor(note?: NoteDrift) {
    this.#drift = note && new DriftWatch(knownChunks, note)
  }

  get finished(): boolean {
    return this.#answer.finished
  }

  frame(frame: SseFrame): readonly ChatEvent[] {
    const value = frameValue(frame)
    if (value === undefined) return []
    const parsed = schemas().UiChunk.safeParse(value)
    if (frame.event === 'error' || isRefusal(value) || !parsed.success) throw this.#complaintOf(value)
    const usage = parsed.data.messageMetadata?.usage
    if (usage) this.#answer.usage = decodeUsage(usage) ?? this.#answer.usage
    const events = this.#step(parsed.data)
    if (events.length === 0) this.#drift?.look(parsed.data.type, value, parsed.data)
    return events
  }

  end(how: 'terminated' | 'cut'): readonly ChatEvent[] {
    if (this.finished) return this.#answer.close()
    const isClosed = this.#open.size === 0 && (this.#closed > 0 || this.#answer.isEmpty)
    if (how === 'cut' || !isClosed) throw brokenAnswer()
    return this.#answer.close()
  }

  #complaintOf(value: unknown): ChatError {
    const complaint = complaintOf(value)
    this.#drift?.lookAfter(complaint, '', value)
    return complaint
  }

  #step(chunk: UiChunk): readonly ChatEvent[] {
    switch (chunk.type) {
      case 'text-start':
      case 'reasoning-start':
        this.#open.add(blockOf(chunk))
        return []
      case 'text-end':
      case 'reasoning-end':
        this.#close(blockOf(chunk))
        return []
      case 'text-delta':
        return this.#answer.text(chunk.delta)
      case 'reasoning-delta':
        return this.#answer.reasoning(chunk.delta)
      case 'source-url':
      case 'source-document':
      case 'file':
        return this.#answer.source(sourceOf(chunk))
      case 'abort':
        throw cancelled()
      case 'finish':
        return this.#answer.finish(chunk.finishReason)
      default:
        return chunk.type.startsWith('tool-') ? this.#tool(chunk) : []
    }
  }

  /** Reads a chunk of a call, which may be for the client or for smithery itself. Unknown chunks are ignored. */
  #tool(chunk: UiChunk): readonly ChatEvent[] {
    const { calls } = this.#answer
    const { type, toolCallId: id, toolName: name } = chunk
    if (!id) return []
    // the model's provider runs this call
    if (chunk.providerExecuted) calls.markAnswered(id)
    switch (type) {
      case 'tool-input-start':
        this.#open.add(`call ${id}`)
        return name ? calls.open(id, name) : []
      case 'tool-input-delta':
        return calls.grow(id, chunk.inputTextDelta ?? '')
      case 'tool-input-available':
      case 'tool-input-error':
        this.#close(`call ${id}`)
        return name ? calls.complete(id, name, chunk.input) : []
      case 'tool-output-available':
      case 'tool-output-error':
      case 'tool-output-denied':
      case 'tool-approval-request':
        calls.markAnswered(id)
        return []
      default:
        return []
    }
  }

  #close(block: string): void {
    this.#open.delete(block)
    this.#closed++
  }
}

/** The key of a block. It contains the kind, because a text and a reasoning may have the same id. */
function blockOf({ type, id }: UiChunk): string {
  return `${type.startsWith('text') ? 'text' : 'reasoning'} ${id ?? ''}`
}

/** Makes a source. Fields that an annotation has no place for are kept as extra fields. */
function sourceOf({ type, url, title, sourceId, mediaType, filename }: UiChunk) {
  const source = { type, ...(sourceId && { sourceId }), ...(mediaType && { mediaType }), ...(filename && { filename }) }
  return { url, title, details: { source } }
}

/** Reads the usage. The AI SDK's version 5 leaves Anthropic's cache out of the input, and Gemini's reasoning out of the output. */
function decodeUsage({ inputTokenDetails: details, ...usage }: SmitheryUsage): Usage | undefined {
  const { inputTokens, outputTokens, totalTokens, reasoningTokens } = usage
  const cachedInputTokens = usage.cachedInputTokens ?? details?.cacheReadTokens
  const cacheWriteTokens = details?.cacheWriteTokens
  if (inputTokens === undefined && outputTokens === undefined) return undefined
  const counts = wholeCounts({
    inputTokens,
    outputTokens,
    totalTokens,
    reasoningTokens,
    cachedInputTokens,
    cacheWriteTokens,
  })
  return { ...counts, source: 'upstream' }
}

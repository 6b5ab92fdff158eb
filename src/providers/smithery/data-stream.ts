import type { NoteDrift } from '../../chat/drift.ts'
import { DriftWatch } from '../../chat/drift-watch.ts'
import type { ChatEvent, Usage } from '../../chat/event.ts'
import { brokenAnswer } from '../../chat/reply-errors.ts'
import { frameValue } from '../../wire/frame-value.ts'
import { notJson, parseUpstreamJson } from '../../wire/json.ts'
import type { FrameDecoder } from '../../wire/read-frames.ts'
import type { SseFrame } from '../../wire/sse.ts'
import { AnswerBuilder, answerError, complaintOf } from './answer.ts'
import { knownCodes } from './known-events.ts'
import type { DataPart } from './schema.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/**
 * Reads the older format, before the UI message stream: lines of a code, a colon and JSON. Its end is `d`.
 * AI SDK 4, data stream protocol v1
 */
export class DataStreamDecoder implements FrameDecoder {
  readonly #answer = new AnswerBuilder()
  readonly #drift: DriftWatch | undefined

  constructor(note?: NoteDrift) {
    this.#drift = note && new DriftWatch(knownCodes, note)
  }

  get finished(): boolean {
    return this.#answer.finished
  }

  frame({ data: line, read }: SseFrame): readonly ChatEvent[] {
    const [, code, json] = /^([0-9a-z]):(.*)$/s.exec(line) ?? []
    if (code === undefined || json === undefined) return passOver(line)
    const value = read ? read.value : parseUpstreamJson(json)
    if (value === undefined) throw notJson()
    // lists are the page's own data and annotations
    const part = typeof value === 'string' ? undefined : schemas().DataPart.safeParse(value).data
    const events = typeof value === 'string' ? this.#text(code, value) : part ? this.#part(code, part) : []
    if (events.length === 0) this.#drift?.look(`code:${code}`, value, part)
    return events
  }

  end(): readonly ChatEvent[] {
    if (!this.finished) throw brokenAnswer()
    return this.#answer.close()
  }

  #text(code: string, text: string): readonly ChatEvent[] {
    if (code === '3') throw answerError(text)
    if (code === '0') return this.#answer.text(text)
    return code === 'g' ? this.#answer.reasoning(text) : []
  }

  #part(code: string, part: DataPart): readonly ChatEvent[] {
    switch (code) {
      case '9':
      case 'a':
      case 'b':
      case 'c':
        return this.#call(code, part)
      case 'h':
        return this.#answer.source({ url: part.url, title: part.title, details: { source: { type: 'source-url' } } })
      case 'd':
        this.#answer.usage = decodeUsage(part) ?? this.#answer.usage
        return this.#answer.finish(part.finishReason)
      default:
        // a message's id, the end of a step, signatures, and other codes
        return []
    }
  }

  #call(code: '9' | 'a' | 'b' | 'c', part: DataPart): readonly ChatEvent[] {
    const { calls } = this.#answer
    const { toolCallId: id, toolName: name } = part
    if (!id) return []
    if (code === 'c') return calls.grow(id, part.argsTextDelta ?? '')
    if (code === 'a') calls.markAnswered(id)
    if (code === 'a' || !name) return []
    return code === 'b' ? calls.open(id, name) : calls.complete(id, name, part.args)
  }
}

/** Skips an empty line. @throws ChatError for any other line, which is an error in place of the stream */
function passOver(line: string): readonly ChatEvent[] {
  const value = frameValue({ data: line })
  if (value !== undefined) throw complaintOf(value)
  return []
}

function decodeUsage({ usage }: DataPart): Usage | undefined {
  const { promptTokens: inputTokens, completionTokens: outputTokens } = usage ?? {}
  if (inputTokens === undefined && outputTokens === undefined) return undefined
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(inputTokens !== undefined && outputTokens !== undefined && { totalTokens: inputTokens + outputTokens }),
    source: 'upstream',
  }
}

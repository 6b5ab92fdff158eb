import type { ChatEvent } from '../../chat/event.ts'
import type { PartWriter } from '../../chat/part-writer.ts'
import { maxCalls, tooManyCalls } from '../../wire/reply-limits.ts'

interface HeldCall {
  name: string
  /** As the model wrote them, piece by piece. */
  written: string
  /** As they came in one piece, where they did. */
  whole: unknown
}

/**
 * The calls of an answer, held back until it ends: only then it is known which of them smithery has answered itself, and
 * those are not the client's (docs/decisions/0017-held-calls.md).
 */
export class HeldCalls {
  readonly #held = new Map<string, HeldCall>()
  readonly #answered = new Set<string>()

  /** A call opens. @returns a sign of life. @throws ChatError where there are too many */
  open(id: string, name: string): readonly ChatEvent[] {
    if (this.#answered.has(id)) return []
    if (this.#held.size >= maxCalls && !this.#held.has(id)) throw tooManyCalls()
    this.#held.set(id, { name, written: this.#held.get(id)?.written ?? '', whole: undefined })
    return alive
  }

  /** Its arguments grow. */
  grow(id: string, json: string): readonly ChatEvent[] {
    const call = this.#held.get(id)
    if (!call) return []
    call.written += json
    return alive
  }

  /** Its arguments are complete. */
  complete(id: string, name: string, input: unknown): readonly ChatEvent[] {
    const events = this.open(id, name)
    const call = this.#held.get(id)
    if (call) call.whole = input
    return events
  }

  /** Smithery sees to this call itself. */
  answered(id: string): void {
    this.#answered.add(id)
    this.#held.delete(id)
  }

  get count(): number {
    return this.#held.size
  }

  /** The calls that are the client's. */
  release(writer: PartWriter): readonly ChatEvent[] {
    const calls = [...this.#held]
    this.#held.clear()
    return calls.flatMap(([id, call]) => {
      const opened = writer.toolCall({ id, name: call.name })
      const part = writer.latestPart
      return [...opened, ...writer.toolArguments(part, argumentsOf(call)), ...writer.endCall(part)]
    })
  }
}

/** Shows nothing, and tells the layers that the upstream is at work. */
const alive: readonly ChatEvent[] = [{ type: 'foreign', choice: 0, isShown: false }]

function argumentsOf({ written, whole }: HeldCall): string {
  if (written !== '') return written
  // a model's arguments that are no JSON come as the text they are
  return typeof whole === 'string' ? whole : JSON.stringify(whole ?? {})
}

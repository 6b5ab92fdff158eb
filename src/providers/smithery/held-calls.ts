import type { ChatEvent } from '../../chat/event.ts'
import type { PartWriter } from '../../chat/part-writer.ts'
import { maxCalls, tooManyCalls } from '../../wire/reply-limits.ts'

interface HeldCall {
  name: string
  /** The arguments as the model wrote them, piece by piece. */
  pieces: string
  /** The arguments, if they came in one piece. */
  whole: unknown
}

/**
 * Holds the calls of an answer back until it ends. Only then is it known which of them smithery has answered itself.
 * Those are not for the client (docs/decisions/0017-held-calls.md).
 */
export class HeldCalls {
  readonly #calls = new Map<string, HeldCall>()
  readonly #answered = new Set<string>()

  /** Opens a call. @returns an event that is not shown @throws ChatError if there are too many */
  open(id: string, name: string): readonly ChatEvent[] {
    if (this.#answered.has(id)) return []
    if (this.#calls.size >= maxCalls && !this.#calls.has(id)) throw tooManyCalls()
    this.#calls.set(id, { name, pieces: this.#calls.get(id)?.pieces ?? '', whole: undefined })
    return progress
  }

  /** Adds to the arguments of a call. */
  grow(id: string, json: string): readonly ChatEvent[] {
    const call = this.#calls.get(id)
    if (!call) return []
    call.pieces += json
    return progress
  }

  /** Sets the complete arguments of a call. */
  complete(id: string, name: string, input: unknown): readonly ChatEvent[] {
    const events = this.open(id, name)
    const call = this.#calls.get(id)
    if (call) call.whole = input
    return events
  }

  /** Notes that smithery answers this call itself. */
  markAnswered(id: string): void {
    this.#answered.add(id)
    this.#calls.delete(id)
  }

  get count(): number {
    return this.#calls.size
  }

  /** Returns the calls for the client. */
  release(writer: PartWriter): readonly ChatEvent[] {
    const calls = [...this.#calls]
    this.#calls.clear()
    return calls.flatMap(([id, call]) => {
      const opened = writer.toolCall({ id, name: call.name })
      const part = writer.latestPart
      return [...opened, ...writer.toolArguments(part, argumentsOf(call)), ...writer.endCall(part)]
    })
  }
}

/** An event that the client does not see. It tells the layers that the upstream is working. */
const progress: readonly ChatEvent[] = [{ type: 'foreign', choice: 0, isShown: false }]

function argumentsOf({ pieces, whole }: HeldCall): string {
  if (pieces !== '') return pieces
  // arguments that are not JSON come as text
  return typeof whole === 'string' ? whole : JSON.stringify(whole ?? {})
}

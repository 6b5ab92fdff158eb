import type { Message, Part, ToolMessage } from '../../chat/message.ts'

/** An answer of the model: its parts, and the results of its calls. */
interface AnswerTurn {
  readonly parts: Part[]
  readonly calls: string[]
  /** By the ids of their calls. */
  readonly results: Map<string, ToolMessage>
}

/** The result of a call whose turn was broken off. Most services refuse a call without a result. */
const noResult = 'This call was broken off, so it has no result.'

/**
 * Builds messages from items. An answer is one message with all of its reasoning, texts and calls, and the results of its calls follow
 * it directly, wherever they stood among the items.
 */
export class InputTurns {
  readonly #turns: (Message | AnswerTurn)[] = []
  readonly #byCall = new Map<string, AnswerTurn>()
  /** The answer that may still grow. */
  #open: AnswerTurn | undefined

  message(message: Message): void {
    this.#open = undefined
    this.#turns.push(message)
  }

  /** Adds a part to the model's answer. */
  part(part: Part): void {
    if (!this.#open) {
      this.#open = { parts: [], calls: [], results: new Map() }
      this.#turns.push(this.#open)
    }
    this.#open.parts.push(part)
    if (part.type !== 'tool-call') return
    this.#open.calls.push(part.id)
    this.#byCall.set(part.id, this.#open)
  }

  /** Adds the result of a call. A later one replaces it, because services take one. Returns false if no item before it has such a call. */
  result(result: ToolMessage): boolean {
    const turn = this.#byCall.get(result.toolCallId)
    turn?.results.set(result.toolCallId, result)
    this.#open = undefined
    return turn !== undefined
  }

  messages(): readonly Message[] {
    return this.#turns.flatMap((turn) => ('role' in turn ? [turn] : messagesOf(turn)))
  }
}

function messagesOf({ parts, calls, results }: AnswerTurn): readonly Message[] {
  const missing = calls
    .filter((id) => !results.has(id))
    .map((toolCallId): Message => ({ role: 'tool', toolCallId, content: [{ type: 'text', text: noResult }] }))
  return [{ role: 'assistant', content: parts }, ...results.values(), ...missing]
}

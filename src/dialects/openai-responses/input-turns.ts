import type { Extras, Message, Part, ToolCallPart, ToolMessage } from '../../chat/message.ts'
import type { CallExtra } from './sealed-extra.ts'

/** A call of an answer, and its result. */
interface GivenCall {
  readonly id: string
  /** Its place among the parts. */
  readonly at: number
  result: ToolMessage | undefined
}

/** An answer of the model: its parts, and the results of its calls. */
interface AnswerTurn {
  readonly parts: Part[]
  readonly calls: GivenCall[]
  /** In the order in which they came. */
  readonly answered: GivenCall[]
  extra: Extras | undefined
}

/** The result of a call whose turn was broken off. Most services refuse a call without a result. */
const noResult = 'This call was broken off, so it has no result.'

/**
 * Builds messages from items. An answer is one message with all of its reasoning, texts and calls, and the results of its calls follow
 * it directly, wherever they stood among the items.
 */
export class InputTurns {
  readonly #turns: (Message | AnswerTurn)[] = []
  /** The answers with a call of each id. */
  readonly #byCall = new Map<string, AnswerTurn>()
  /** The answer that may still grow. */
  #open: AnswerTurn | undefined

  message(message: Message): void {
    this.#open = undefined
    this.#turns.push(message)
  }

  /** Adds a part to the model's answer. */
  part(part: Part): void {
    const turn = this.#answer()
    turn.parts.push(part)
    if (part.type !== 'tool-call') return
    turn.calls.push({ id: part.id, at: turn.parts.length - 1, result: undefined })
    this.#byCall.set(part.id, turn)
  }

  /** Adds fields that belong to the model's answer and to its calls so far. */
  extra(answer: Extras | undefined, calls: readonly CallExtra[]): void {
    const turn = this.#answer()
    if (answer) turn.extra = answer
    for (const { id, extra } of calls) {
      const at = turn.parts.findIndex((part) => part.type === 'tool-call' && part.id === id && !part.extra)
      const call = turn.parts[at]
      if (call) turn.parts[at] = { ...call, extra }
    }
  }

  /**
   * Adds the result of a call. Of several calls with the same id, each has its own. A later result of one call replaces the earlier
   * one, because services take one. Returns false if no item before it has such a call.
   */
  result(result: ToolMessage): boolean {
    const turn = this.#byCall.get(result.toolCallId)
    this.#open = undefined
    if (!turn) return false
    const calls = turn.calls.filter(({ id }) => id === result.toolCallId)
    const call = calls.find((one) => !one.result) ?? calls.at(-1)
    if (!call) return false
    if (!call.result) turn.answered.push(call)
    call.result = result
    return true
  }

  messages(): readonly Message[] {
    return this.#turns.flatMap((turn) => ('role' in turn ? [turn] : messagesOf(turn)))
  }

  #answer(): AnswerTurn {
    if (this.#open) return this.#open
    this.#open = { parts: [], calls: [], answered: [], extra: undefined }
    this.#turns.push(this.#open)
    return this.#open
  }
}

function messagesOf({ parts, calls, answered, extra }: AnswerTurn): readonly Message[] {
  if (parts.length === 0) return []
  const ids = uniqueIds(calls)
  const results = answered.map((call) => resultOf(call, ids))
  const missing = calls.filter(({ result }) => !result).map((call) => resultOf(call, ids))
  const content = [...parts]
  for (const [call, id] of ids) {
    const part = content[call.at]
    if (part?.type === 'tool-call' && id !== part.id) content[call.at] = { ...part, id } satisfies ToolCallPart
  }
  return [{ role: 'assistant', content, ...(extra && { extra }) }, ...results, ...missing]
}

function resultOf(call: GivenCall, ids: ReadonlyMap<GivenCall, string>): ToolMessage {
  const result: ToolMessage = call.result ?? {
    role: 'tool',
    toolCallId: call.id,
    content: [{ type: 'text', text: noResult }],
  }
  return { ...result, toolCallId: ids.get(call) ?? call.id }
}

/** Calls of one answer with the same id get different ones, because services find a result by its id. */
function uniqueIds(calls: readonly GivenCall[]): ReadonlyMap<GivenCall, string> {
  const given = new Set(calls.map(({ id }) => id))
  const counts = new Map<string, number>()
  return new Map(
    calls.map((call) => {
      let count = (counts.get(call.id) ?? 0) + 1
      while (count > 1 && given.has(`${call.id}_${count}`)) count++
      counts.set(call.id, count)
      return [call, count === 1 ? call.id : `${call.id}_${count}`]
    }),
  )
}

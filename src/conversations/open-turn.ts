import { ChatError } from '../chat/error.ts'
import type { AssistantMessage, Fields, Message, Part } from '../chat/message.ts'
import type { ToolOutput } from '../chat/tool-output.ts'
import { buildMessages } from './build-messages.ts'
import {
  type History,
  type HistoryBounds,
  type NewMessageFields,
  openCalls,
  type Turn,
  withMessage,
  withResults,
} from './history.ts'
import { callsIn, type Status, type StoredAssistantMessage } from './stored-message.ts'

/** A model's message of one round, such as a `ToolCallsEvent`. */
interface RoundMessage {
  readonly message: Pick<AssistantMessage, 'content' | 'extra'>
  readonly metadata?: Fields
}

/** The result of a call, such as a `ToolResultEvent`. */
export interface Result extends ToolOutput {
  readonly toolCallId: string
  readonly name: string
  readonly full?: string
}

export interface TurnOptions {
  readonly history: History
  readonly bounds: HistoryBounds
  readonly newFields: NewMessageFields
  /** Writes the history. @throws ChatError */
  write(history: History): Promise<void>
  /** Stores the full text of a result, by its message's id. */
  writeFull(id: string, text: string): Promise<void>
  leave(): Promise<void>
}

/**
 * The newest turn of a session, while it is written. Every step is stored at once, so that the stored part is always a
 * valid conversation, even if the program ends. `close` must always be called.
 */
export class OpenTurn {
  readonly #options: TurnOptions
  #history: History
  /** The previous write. The next one waits for it. */
  #written: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(options: TurnOptions) {
    this.#options = options
    this.#history = options.history
  }

  /** The request's id. */
  get id(): string {
    return this.#turn.id
  }

  /** The tools that were chosen for the session, if there was a choice. */
  get tools(): readonly string[] | undefined {
    return this.#history.tools
  }

  /** The conversation so far, as the messages for a model. */
  messages(model = this.#turn.model): Message[] {
    return buildMessages(this.#history.turns, model)
  }

  /** Adds the model's message with its tool calls, which run next. */
  addCalls(round: RoundMessage): Promise<void> {
    return this.#write((turn) => this.#addMessage(turn, 'completed', round))
  }

  /** Adds the result of a call, unless the call has one already. */
  addResult({ toolCallId, name, content, images, isError, shortened, full }: Result): Promise<void> {
    const { newFields, bounds, writeFull } = this.#options
    return this.#write(async (turn) => {
      if (!openCalls(turn).some(({ id }) => id === toolCallId)) return turn
      const fields = { ...newFields(), role: 'tool', status: 'completed', toolCallId, name, content, isError } as const
      // the text is written first, so that no message refers to a missing text
      if (full !== undefined) await writeFull(fields.id, full)
      return withMessage(
        turn,
        {
          ...fields,
          ...(images && { images }),
          ...(shortened && { shortened }),
          ...(full !== undefined && { hasFull: true }),
        },
        bounds,
      )
    })
  }

  /** Adds the answer and ends the turn. Each call without a result counts as interrupted. @returns the stored answer */
  async end(status: Status, { message, metadata }: RoundMessage): Promise<StoredAssistantMessage> {
    await this.#write((turn) => {
      const isFirst = !turn.messages.some((other) => callsIn(other).length > 0)
      const content = isFirst ? message.content : withoutBlankLine(message.content)
      const round = { message: { ...message, content }, ...(metadata && { metadata }) }
      return { ...this.#addMessage(turn, status, round), status }
    })
    const answer = this.#turn.messages.at(-1)
    if (answer?.role === 'assistant') return answer
    throw new ChatError('internal', { message: 'The answer was not stored.' })
  }

  /** Frees the session. If the turn has not ended, it ends as failed. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    try {
      if (this.#turn.status === 'running') await this.end('failed', { message: { content: [] } })
    } finally {
      this.#isClosed = true
      await this.#options.leave()
    }
  }

  get #turn(): Turn {
    const turn = this.#history.turns.at(-1)
    if (!turn) throw new ChatError('internal', { message: 'An open turn has no history.' })
    return turn
  }

  #addMessage(turn: Turn, status: Status, { message: { content, extra }, metadata }: RoundMessage): Turn {
    const { newFields, bounds } = this.#options
    const fields = { ...newFields(), ...(extra && { extra }), ...(metadata && { metadata }) }
    const message = { ...fields, role: 'assistant', status, model: turn.model, parts: content } as const
    return withMessage(withResults(turn, newFields), message, bounds)
  }

  /** Makes one change after the other. A change that could not be written is dropped. */
  #write(change: (turn: Turn) => Turn | Promise<Turn>): Promise<void> {
    const write = async () => {
      const turnBefore = this.#turn
      if (this.#isClosed || turnBefore.status !== 'running') throw turnEnded()
      const turn = await change(turnBefore)
      if (turn === turnBefore) return
      const history = {
        ...this.#history,
        updatedAt: this.#options.newFields().createdAt,
        turns: [...this.#history.turns.slice(0, -1), turn],
      }
      await this.#options.write(history)
      this.#history = history
    }
    const written = this.#written.then(write)
    this.#written = written.catch(() => undefined)
    return written
  }
}

/** Removes the blank line that separates two rounds of one answer. */
function withoutBlankLine(parts: readonly Part[]): readonly Part[] {
  const first = parts.findIndex((part) => part.type === 'text' && part.text !== '')
  return parts.map((part, at) =>
    at === first && part.type === 'text' ? { ...part, text: part.text.replace(/^\n\n/, '') } : part,
  )
}

function turnEnded(): ChatError {
  return new ChatError('conflict', {
    message: 'This turn has ended, so it cannot be written any more.',
    code: 'session_lost',
  })
}

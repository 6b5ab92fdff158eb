import { ChatError } from '../chat/error.ts'
import type { AssistantMessage, Fields, Message, Part } from '../chat/message.ts'
import type { ToolOutput } from '../chat/tool-output.ts'
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
import { tell } from './tell.ts'

/** What a model said in a round: `ToolCallsEvent` is one. */
interface RoundMessage {
  readonly message: Pick<AssistantMessage, 'content' | 'extra'>
  readonly metadata?: Fields
}

/** What came of a call: `ToolResultEvent` is one. */
export interface Result extends ToolOutput {
  readonly toolCallId: string
  readonly name: string
  readonly full?: string
}

export interface TurnOptions {
  readonly history: History
  readonly bounds: HistoryBounds
  readonly fresh: NewMessageFields
  /** Writes the history. @throws ChatError */
  write(history: History): Promise<void>
  /** Keeps the whole text of a result, by its message's id. */
  writeFull(id: string, text: string): Promise<void>
  leave(): Promise<void>
}

/**
 * The newest turn of a session, while it is written: everything is kept as soon as it is said, so that at whatever moment
 * the program goes away, what stays is a conversation. Close it in any case.
 */
export class OpenTurn {
  readonly #options: TurnOptions
  #history: History
  /** The write before; the next one waits for it. */
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

  /** The tools that are chosen for the session, if any choice was made. */
  get tools(): readonly string[] | undefined {
    return this.#history.tools
  }

  /** What the model is to be told: all that was said up to now. */
  messages(model = this.#turn.model): Message[] {
    return tell(this.#history.turns, model)
  }

  /** The model calls tools, which are about to run. */
  called(said: RoundMessage): Promise<void> {
    return this.#write((turn) => this.#said(turn, 'completed', said))
  }

  /** A call has its result. One that has it already keeps it. */
  result({ toolCallId, name, content, images, isError, shortened, full }: Result): Promise<void> {
    const { fresh, bounds, writeFull } = this.#options
    return this.#write(async (turn) => {
      if (!openCalls(turn).some(({ id }) => id === toolCallId)) return turn
      const about = { ...fresh(), role: 'tool', status: 'completed', toolCallId, name, content, isError } as const
      // the text first: a message never promises what is not there
      if (full !== undefined) await writeFull(about.id, full)
      return withMessage(
        turn,
        {
          ...about,
          ...(images && { images }),
          ...(shortened && { shortened }),
          ...(full !== undefined && { hasFull: true }),
        },
        bounds,
      )
    })
  }

  /** The answer is over. Calls without a result were stopped. @returns it as it is kept */
  async end(status: Status, { message, metadata }: RoundMessage): Promise<StoredAssistantMessage> {
    await this.#write((turn) => {
      const isFirst = !turn.messages.some((other) => callsIn(other).length > 0)
      const content = isFirst ? message.content : withoutBlankLine(message.content)
      const said = { message: { ...message, content }, ...(metadata && { metadata }) }
      return { ...this.#said(turn, status, said), status }
    })
    const answer = this.#turn.messages.at(-1)
    if (answer?.role === 'assistant') return answer
    throw new ChatError('internal', { message: 'The answer was not kept.' })
  }

  /** Gives the session back. A turn that has not ended has failed. */
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
    if (!turn) throw new ChatError('internal', { message: 'A turn has no history.' })
    return turn
  }

  #said(turn: Turn, status: Status, { message: { content, extra }, metadata }: RoundMessage): Turn {
    const { fresh, bounds } = this.#options
    const about = { ...fresh(), ...(extra && { extra }), ...(metadata && { metadata }) }
    const message = { ...about, role: 'assistant', status, model: turn.model, parts: content } as const
    return withMessage(withResults(turn, fresh), message, bounds)
  }

  /** One change after the other. What could not be written has not happened. */
  #write(change: (turn: Turn) => Turn | Promise<Turn>): Promise<void> {
    const write = async () => {
      const before = this.#turn
      if (this.#isClosed || before.status !== 'running') throw over()
      const turn = await change(before)
      if (turn === before) return
      const history = {
        ...this.#history,
        updatedAt: this.#options.fresh().createdAt,
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

/** The parts without the blank line that stands between two rounds of one answer. */
function withoutBlankLine(parts: readonly Part[]): readonly Part[] {
  const first = parts.findIndex((part) => part.type === 'text' && part.text !== '')
  return parts.map((part, at) =>
    at === first && part.type === 'text' ? { ...part, text: part.text.replace(/^\n\n/, '') } : part,
  )
}

function over(): ChatError {
  return new ChatError('conflict', { message: 'This turn is over.', code: 'session_lost' })
}

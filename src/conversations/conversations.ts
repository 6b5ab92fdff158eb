import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Cancel } from '../flow/cancel.ts'
import { nextTurn } from '../flow/next-turn.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'
import {
  decodeHistory,
  decodeSession,
  encodeHistory,
  type History,
  type HistoryBounds,
  type NewMessageFields,
  type SessionSummary,
  settled,
  type Turn,
  withMessage,
} from './history.ts'
import { OpenTurn } from './open-turn.ts'
import { fullKey, fullPrefix, isName, keyOf, prefixOf, type SessionKey } from './session-key.ts'
import { SessionWriter } from './session-writer.ts'
import type { StoredAssistantMessage, StoredMessage } from './stored-message.ts'
import { type WaitOptions, type Writer, Writers } from './writers.ts'

export interface ConversationsOptions {
  readonly store: Store
  /** Milliseconds for which a session is kept that nobody goes on with, and for which the whole text of a result is. */
  readonly ttlMs: number
  readonly bounds?: HistoryBounds
  /** Milliseconds that a request waits for its session, where it may. */
  readonly maxWaitMs?: number
  readonly runtime: Pick<Runtime, 'now' | 'newId'>
}

/** What is asked. */
export interface Question {
  /** Names the request: another try of it is no second question. */
  readonly requestId?: string
  readonly model: string
  /** Undefined where the question is not to be kept. */
  readonly content?: string
  /** Names of the tools that are to be offered from now on; without it those that were before. */
  readonly tools?: readonly string[]
  readonly metadata?: Fields
}

/** A turn to be written; or the answer that this request has got already. */
export type TurnOrAnswer =
  | { readonly kind: 'turn'; readonly turn: OpenTurn }
  | { readonly kind: 'answered'; readonly answer: StoredAssistantMessage }

const defaults: HistoryBounds = { maxMessages: 1_000, maxCharacters: 1024 * 1024 }
/** Sessions of a client that are looked at for a list. */
const maxListed = 1_000

/** What was said, session by session. One writes a session at a time, everybody may read it. */
export class Conversations {
  readonly #store: Store
  readonly #ttlMs: number
  readonly #bounds: HistoryBounds
  readonly #fresh: NewMessageFields
  readonly #newId: () => string
  readonly #writers: Writers

  constructor(options: ConversationsOptions) {
    const { store, ttlMs, bounds = defaults, maxWaitMs = 60_000, runtime } = options
    this.#store = store
    this.#ttlMs = ttlMs
    this.#bounds = bounds
    this.#newId = () => runtime.newId()
    this.#fresh = () => ({ id: runtime.newId(), createdAt: new Date(runtime.now()).toISOString() })
    this.#writers = new Writers(store, maxWaitMs)
  }

  /**
   * Begins a turn: the question is kept before anything is asked. Another try of a turn that broke off goes on with it.
   * @throws ChatError `conflict` while the session is written, unless it may wait; `too-large`, `invalid-request`
   */
  async open(whose: SessionKey, question: Question, patience: WaitOptions): Promise<TurnOrAnswer> {
    const key = keyOf(whose)
    this.#check(question)
    const writer = await this.#writers.enter(key, patience)
    try {
      const found = await this.#store.get(key)
      const { createdAt } = this.#fresh()
      const history = found
        ? this.#settled(found.value)
        : { id: whose.session, createdAt, updatedAt: createdAt, turns: [] }
      const answer = answerOf(history, question.requestId)
      if (answer) {
        await writer.leave()
        return { kind: 'answered', answer }
      }
      const pen = new SessionWriter(this.#store, {
        key,
        version: found?.version ?? 0,
        lease: writer.lease,
        ttlMs: this.#ttlMs,
      })
      return { kind: 'turn', turn: await this.#begin(whose, this.#asked(history, question), { pen, writer }) }
    } catch (thrown) {
      await writer.leave()
      throw thrown
    }
  }

  /** The last messages of a session, in order; undefined where there is no such session. */
  async messages(whose: SessionKey, limit: number): Promise<readonly StoredMessage[] | undefined> {
    const found = await this.#store.get(keyOf(whose))
    if (!found) return undefined
    const messages = decodeHistory(found.value).turns.flatMap((turn) => turn.messages)
    return messages.slice(Math.max(messages.length - limit, 0))
  }

  /** The whole text of a result that is shown shortened, by its message's id. */
  async fullResult(whose: SessionKey, messageId: string): Promise<string | undefined> {
    return (await this.#store.get(fullKey(whose, messageId)))?.value
  }

  /** A client's sessions, the one that was last written first. @throws the signal's reason */
  async sessions(client: string, limit: number, signal?: Cancel): Promise<readonly SessionSummary[]> {
    const keys = await this.#store.keys(prefixOf(client), maxListed)
    const sessions: SessionSummary[] = []
    for (const key of keys) {
      // each may be a megabyte that a file gives at once: others have their turn in between
      await nextTurn()
      signal?.throwIfAborted()
      const found = await this.#store.get(key)
      if (found) sessions.push(decodeSession(found.value))
    }
    return sessions.sort((a, b) => b.updatedAt.localeCompare(a.updatedAt)).slice(0, limit)
  }

  /** Forgets a session and all that is kept beside it. @returns whether there was one. @throws as `open` does */
  async delete(whose: SessionKey, patience: WaitOptions): Promise<boolean> {
    const key = keyOf(whose)
    const writer = await this.#writers.enter(key, patience)
    try {
      const taken = await this.#store.take(key)
      for (const full of await this.#store.keys(fullPrefix(whose), maxListed)) await this.#store.delete(full)
      return taken !== undefined
    } finally {
      await writer.leave()
    }
  }

  #check({ content, requestId }: Question): void {
    if (content?.trim() === '')
      throw new ChatError('invalid-request', { message: 'content is empty.', param: 'content', code: 'invalid_value' })
    if (requestId !== undefined && !isName(requestId))
      throw new ChatError('invalid-request', {
        message: 'request_id must have 1 to 200 characters.',
        param: 'request_id',
        code: 'invalid_value',
      })
    if (JSON.stringify(content ?? '').length * 2 <= this.#bounds.maxCharacters) return
    throw new ChatError('too-large', { message: 'content is longer than what is kept of a session.', param: 'content' })
  }

  #settled(stored: string): History {
    const history = decodeHistory(stored)
    return { ...history, turns: history.turns.map((turn) => settled(turn, this.#fresh)) }
  }

  /** The history with this question at its end. */
  #asked(before: History, { requestId = this.#newId(), model, content, tools, metadata }: Question): History {
    const history = tools ? { ...before, tools } : before
    const { turns } = history
    const again = turns.find(({ id }) => id === requestId)
    if (again) return { ...history, turns: [...turns.slice(0, -1), { ...again, model, status: 'running' }] }
    const turn: Turn = { id: requestId, model, status: 'running', messages: [] }
    const message = { ...this.#fresh(), role: 'user', status: 'completed', ...(metadata && { metadata }) } as const
    const begun = content === undefined ? turn : withMessage(turn, { ...message, content }, this.#bounds)
    return { ...history, turns: [...turns, begun] }
  }

  async #begin(
    whose: SessionKey,
    history: History,
    { pen, writer }: { readonly pen: SessionWriter; readonly writer: Writer },
  ): Promise<OpenTurn> {
    const write = (changed: History) => pen.write(encodeHistory(changed, this.#bounds))
    await write(history)
    return new OpenTurn({
      history,
      bounds: this.#bounds,
      fresh: this.#fresh,
      write,
      writeFull: (id, text) => this.#store.put(fullKey(whose, id), text, { ttlMs: this.#ttlMs }),
      leave: writer.leave,
    })
  }
}

/** The answer that a request has got; undefined where it has none yet. */
function answerOf({ turns }: History, requestId: string | undefined): StoredAssistantMessage | undefined {
  const at = requestId === undefined ? -1 : turns.findIndex(({ id }) => id === requestId)
  const turn = turns[at]
  if (!turn) return undefined
  const answer = turn.messages.at(-1)
  if (turn.status === 'completed' && answer?.role === 'assistant') return answer
  if (at === turns.length - 1) return undefined
  throw new ChatError('conflict', {
    message: 'This request broke off, and others came after it. Ask again under another request_id.',
    code: 'request_superseded',
  })
}

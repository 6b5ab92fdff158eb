import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Cancel } from '../flow/cancel.ts'
import { nextTurn } from '../flow/next-turn.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sleep } from '../flow/wait.ts'
import type { Store } from '../state/store.ts'
import {
  decodeHistory,
  decodeSession,
  encodeHistory,
  endInterrupted,
  type History,
  type HistoryBounds,
  type NewMessageFields,
  type SessionSummary,
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
  /** Milliseconds after its last turn at which a session and the full texts of its results are deleted. */
  readonly ttlMs: number
  readonly bounds?: HistoryBounds
  /** Milliseconds that a request waits for its session, if it may wait. */
  readonly maxWaitMs?: number
  readonly runtime: Pick<Runtime, 'now' | 'newId'>
}

/** A request for a turn. */
export interface Question {
  /** Names the request. A request that is sent again has the same id, and adds no second question. */
  readonly requestId?: string
  readonly model: string
  /** Undefined if the question must not be stored. */
  readonly content?: string
  /** Names of the tools to offer from now on. Without it the session's earlier choice stays. */
  readonly tools?: readonly string[]
  readonly metadata?: Fields
}

/** A turn to be written, or the stored answer of a request that is sent again. */
export type TurnOrAnswer =
  | { readonly kind: 'turn'; readonly turn: OpenTurn }
  | { readonly kind: 'answered'; readonly answer: StoredAssistantMessage }

const defaults: HistoryBounds = { maxMessages: 1_000, maxCharacters: 1024 * 1024 }
/** The channel on which a process learns that a request of another one is to be stopped. */
const abortChannel = 'session-aborts'
/** Milliseconds that an abort waits for another process, and between two looks. */
const maxAbortMs = 2_000
const pollMs = 100

/** Limit for the sessions of a client that a list reads. */
const maxListed = 1_000

/** Stores conversations by session. One request writes a session at a time, and any number may read it. */
export class Conversations {
  readonly #store: Store
  readonly #ttlMs: number
  readonly #bounds: HistoryBounds
  readonly #newFields: NewMessageFields
  readonly #newId: () => string
  readonly #writers: Writers

  constructor(options: ConversationsOptions) {
    const { store, ttlMs, bounds = defaults, maxWaitMs = 60_000, runtime } = options
    this.#store = store
    this.#ttlMs = ttlMs
    this.#bounds = bounds
    this.#newId = () => runtime.newId()
    this.#newFields = () => ({ id: runtime.newId(), createdAt: new Date(runtime.now()).toISOString() })
    this.#writers = new Writers(store, maxWaitMs)
  }

  /**
   * Begins a turn. It stores the question before a model is asked. An interrupted request that is sent again continues
   * its turn.
   * @throws ChatError `conflict` if another request writes the session and this one may not wait; `too-large`,
   *   `invalid-request`
   */
  async open(sessionKey: SessionKey, question: Question, options: WaitOptions): Promise<TurnOrAnswer> {
    const key = keyOf(sessionKey)
    this.#check(question)
    const writer = await this.#writers.enter(key, options)
    try {
      const found = await this.#store.get(key)
      const { createdAt } = this.#newFields()
      const history = found
        ? this.#load(found.value)
        : { id: sessionKey.session, createdAt, updatedAt: createdAt, turns: [] }
      const answer = answerOf(history, question.requestId)
      if (answer) {
        await writer.leave()
        return { kind: 'answered', answer }
      }
      const sessionWriter = new SessionWriter(this.#store, {
        key,
        version: found?.version ?? 0,
        lease: writer.lease,
        ttlMs: this.#ttlMs,
      })
      return {
        kind: 'turn',
        turn: await this.#begin(sessionKey, this.#addQuestion(history, question), { sessionWriter, writer }),
      }
    } catch (thrown) {
      await writer.leave()
      throw thrown
    }
  }

  /** The last messages of a session, in order; undefined if the session does not exist. */
  async messages(sessionKey: SessionKey, limit: number): Promise<readonly StoredMessage[] | undefined> {
    const found = await this.#store.get(keyOf(sessionKey))
    if (!found) return undefined
    const messages = decodeHistory(found.value).turns.flatMap((turn) => turn.messages)
    return messages.slice(Math.max(messages.length - limit, 0))
  }

  /** The full text of a result that is shown shortened, by its message's id. */
  async fullResult(sessionKey: SessionKey, messageId: string): Promise<string | undefined> {
    return (await this.#store.get(fullKey(sessionKey, messageId)))?.value
  }

  /** The sessions of a client, the last written first. @throws the signal's reason */
  async sessions(client: string, limit: number, signal?: Cancel): Promise<readonly SessionSummary[]> {
    const keys = await this.#store.keys(prefixOf(client), maxListed)
    const sessions: SessionSummary[] = []
    for (const key of keys) {
      // each session may be a megabyte from a file, so other requests run in between
      await nextTurn()
      signal?.throwIfAborted()
      const found = await this.#store.get(key)
      if (found) sessions.push(decodeSession(found.value))
    }
    return sessions.sort((a, b) => b.updatedAt.localeCompare(a.updatedAt)).slice(0, limit)
  }

  /** Asks the other processes to stop the request that writes a session. @returns whether there was one and it has stopped in time */
  async abortElsewhere(sessionKey: SessionKey, signal: Cancel): Promise<boolean> {
    const key = keyOf(sessionKey)
    if (!(await this.#isWritten(key))) return false
    await this.#store.notify(abortChannel, key)
    for (let waited = 0; waited < maxAbortMs; waited += pollMs) {
      await sleep(pollMs, signal)
      if (!(await this.#isWritten(key))) return true
    }
    return false
  }

  /**
   * Calls the listener with each session that another process asks to stop.
   * @returns a function that stops it
   */
  listenForAborts(listener: (isOf: (sessionKey: SessionKey) => boolean) => void): Promise<() => void> {
    return this.#store.listen(abortChannel, (key) => listener((sessionKey) => keyOf(sessionKey) === key))
  }

  /** Whether a request writes a session, in any process. */
  async #isWritten(key: string): Promise<boolean> {
    const lease = await this.#store.lease(key, pollMs)
    await lease?.release()
    return lease === undefined
  }

  /** Deletes a session and everything that belongs to it. @returns whether it existed. @throws like `open` */
  async delete(sessionKey: SessionKey, options: WaitOptions): Promise<boolean> {
    const key = keyOf(sessionKey)
    const writer = await this.#writers.enter(key, options)
    try {
      const taken = await this.#store.take(key)
      for (const full of await this.#store.keys(fullPrefix(sessionKey), maxListed)) await this.#store.delete(full)
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
    throw new ChatError('too-large', {
      message: 'content is too long to be stored in a session. Send a shorter text.',
      param: 'content',
    })
  }

  #load(stored: string): History {
    const history = decodeHistory(stored)
    return { ...history, turns: history.turns.map((turn) => endInterrupted(turn, this.#newFields)) }
  }

  /** Adds the question to the history. */
  #addQuestion(before: History, { requestId = this.#newId(), model, content, tools, metadata }: Question): History {
    const history = tools ? { ...before, tools } : before
    const { turns } = history
    const again = turns.find(({ id }) => id === requestId)
    if (again) return { ...history, turns: [...turns.slice(0, -1), { ...again, model, status: 'running' }] }
    const turn: Turn = { id: requestId, model, status: 'running', messages: [] }
    const message = { ...this.#newFields(), role: 'user', status: 'completed', ...(metadata && { metadata }) } as const
    const begun = content === undefined ? turn : withMessage(turn, { ...message, content }, this.#bounds)
    return { ...history, turns: [...turns, begun] }
  }

  async #begin(
    sessionKey: SessionKey,
    history: History,
    { sessionWriter, writer }: { readonly sessionWriter: SessionWriter; readonly writer: Writer },
  ): Promise<OpenTurn> {
    const write = (changed: History) => sessionWriter.write(encodeHistory(changed, this.#bounds))
    await write(history)
    return new OpenTurn({
      history,
      bounds: this.#bounds,
      newFields: this.#newFields,
      write,
      writeFull: (id, text) => this.#store.put(fullKey(sessionKey, id), text, { ttlMs: this.#ttlMs }),
      leave: writer.leave,
    })
  }
}

/** The answer of a request; undefined if it has none yet. */
function answerOf({ turns }: History, requestId: string | undefined): StoredAssistantMessage | undefined {
  const at = requestId === undefined ? -1 : turns.findIndex(({ id }) => id === requestId)
  const turn = turns[at]
  if (!turn) return undefined
  const answer = turn.messages.at(-1)
  if (turn.status === 'completed' && answer?.role === 'assistant') return answer
  if (at === turns.length - 1) return undefined
  throw new ChatError('conflict', {
    message: 'This request was interrupted, and later requests came after it. Send it again with another request_id.',
    code: 'request_superseded',
  })
}

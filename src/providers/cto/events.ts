import type { NoteDrift } from '../../chat/drift.ts'
import { DriftWatch } from '../../chat/drift-watch.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { emptyAnswer } from '../../chat/reply-errors.ts'
import { errorInside } from '../../dialects/openai-chat/complaint.ts'
import { CumulativeText } from '../../wire/cumulative.ts'
import { jsonOrUndefined, parseUpstreamJson } from '../../wire/json.ts'
import { knownMessages } from './known-events.ts'
import type { CtoDocument } from './schema.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** Types of documents with text. A document without a type has text too. */
const spokenTypes: ReadonlySet<string> = new Set(['chat', 'message', 'text'])

/** The text of one of the agent's messages so far. */
class MessageText {
  /**
   * The text without `#pieces`. The pieces are joined to it only when the whole text is needed, because joining after
   * each piece would cost too much.
   */
  #whole = ''
  #pieces: string[] = []
  readonly #cumulative = new CumulativeText()

  /** Adds a piece. @returns the piece */
  add(piece: string): string {
    this.#pieces.push(piece)
    return piece
  }

  /** Takes the whole text, when the upstream sends it again. @returns the new part of it */
  setWhole(whole: string): string {
    if (whole.length > this.#whole.length) this.#join()
    const piece = this.#cumulative.grow(whole)
    if (whole.length > this.#whole.length) this.#whole = whole
    return piece
  }

  #join(): void {
    if (this.#pieces.length === 0) return
    this.#whole += this.#pieces.join('')
    this.#pieces = []
    this.#cumulative.grow(this.#whole)
  }
}

/**
 * Reads the messages of a conversation's socket. The only clean end is `inProgress: false` after the agent has worked.
 * Upstreams 2.2
 */
export class CtoDecoder {
  finished = false
  readonly #writer = new PartWriter()
  readonly #messages = new Map<string, MessageText>()
  #lastId: string | undefined
  #isWorking = false
  #hasText = false
  readonly #drift: DriftWatch | undefined

  constructor(note?: NoteDrift) {
    this.#drift = note && new DriftWatch(knownMessages, note)
  }

  /** @throws ChatError for an error inside the stream, or an invalid message */
  frame(text: string): readonly ChatEvent[] {
    if (this.finished || text === 'ping' || text === 'pong') return []
    const value = parseUpstreamJson(text)
    const frame = schemas().CtoFrame.safeParse(value).data
    switch (frame?.type) {
      case undefined:
        this.#drift?.look('', value)
        throw badResponse()
      case 'state':
        this.#drift?.look('state', value, frame)
        return this.#state(frame.state?.inProgress, frame.state?.cancelled ?? false)
      case 'update':
        this.#drift?.look('update', value)
        return this.#update(frame.buffer)
      case 'error':
        throw errorInside(value)
      default:
        // `history`, `label`, and new types
        this.#drift?.look(frame?.type ?? '', value)
        return []
    }
  }

  /** Reads a state. The state of an idle conversation right after the connection is not the end of an answer. */
  #state(inProgress: boolean | null | undefined, isCancelled: boolean): readonly ChatEvent[] {
    if (inProgress) this.#isWorking = true
    if (inProgress !== false || !this.#isWorking) return []
    if (isCancelled) throw failed('The upstream cancelled its answer.', 'upstream_cancelled')
    if (!this.#hasText) throw emptyAnswer()
    this.finished = true
    return this.#writer.finish('stop')
  }

  #update(buffer: unknown): readonly ChatEvent[] {
    const sent = documentsIn(buffer)
    const documents = sent.map((document) => schemas().CtoDocument.safeParse(document).data)
    const text = documents.map((document) => this.#document(document)).join('')
    if (text === '') this.#lookAt(documents, sent)
    // the agent may work with its tools for minutes; the client sees nothing, but the layers see that the agent works
    if (text === '') return documents.some(isWork) ? [{ type: 'foreign', choice: 0, isShown: false }] : []
    this.#hasText = true
    return this.#writer.text(text)
  }

  /** Documents without text may have it in another place than before. */
  #lookAt(documents: readonly (CtoDocument | undefined)[], sent: readonly unknown[]): void {
    for (const [at, document] of documents.entries())
      if (document?.type != null && spokenTypes.has(document.type) && document.role !== 'user')
        this.#drift?.look('update.chat', sent[at], document)
  }

  /** @returns the new text of the answer; empty for a document without text */
  #document(document: CtoDocument | undefined): string {
    if (!document || (document.role ?? 'assistant') !== 'assistant') return ''
    const { id, type, chat, content } = document
    if (type === 'chat' && typeof chat?.content === 'string') {
      const piece = chat.content
      return this.#addTo(id, (message) => message.add(piece))
    }
    if (content == null || type === 'chat' || (type != null && !spokenTypes.has(type))) return ''
    const whole = typeof content === 'string' ? content : textIn(content)
    return this.#addTo(id, (message) => message.setWhole(whole))
  }

  #addTo(id: string | number | null | undefined, change: (message: MessageText) => string): string {
    this.#isWorking = true
    const key = String(id ?? '')
    const message = this.#messages.get(key) ?? new MessageText()
    this.#messages.set(key, message)
    const piece = change(message)
    if (piece === '') return ''
    const isOther = this.#lastId !== undefined && this.#lastId !== key
    this.#lastId = key
    return isOther ? `\n\n${piece}` : piece
  }
}

/** Whether a document shows work: runs of tools, plans and the like, which are not documented. */
function isWork(document: CtoDocument | undefined): boolean {
  return document?.type != null && document.role !== 'user' && !spokenTypes.has(document.type)
}

/** Reads the documents of a buffer, which is a document, an array of them, their JSON, or lines of JSON. */
function documentsIn(buffer: unknown): readonly unknown[] {
  if (typeof buffer !== 'string') return Array.isArray(buffer) ? buffer : [buffer]
  const whole = jsonOrUndefined(buffer)
  if (whole !== undefined) return Array.isArray(whole) ? whole : [whole]
  return buffer
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseUpstreamJson)
}

function textIn(
  blocks: readonly { readonly type?: string | null | undefined; readonly text?: string | null | undefined }[],
): string {
  return blocks.map(({ type, text }) => (type === 'text' && text ? text : '')).join('')
}

function badResponse(): ChatError {
  return failed('The upstream sent a message in an unknown shape.', 'upstream_bad_response')
}

function failed(message: string, code: string): ChatError {
  return new ChatError('upstream-failed', { message, code })
}

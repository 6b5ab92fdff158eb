import type { StreamEvent } from '../http/events.ts'
import type { End, Json, Piece, Talk, Usage } from '../talk/talk.ts'

/** An answer as a client reads it. */
export interface Reading {
  readonly pieces: readonly Piece[]
  readonly end?: End
  readonly usage?: Usage
  /** What the answer says of a failure. */
  readonly error?: string
  /** Whether the mark of the end was seen: `[DONE]`, `message_stop`, `response.completed`. */
  readonly isEnded: boolean
  /** Where the answer breaks the order of its dialect's events. */
  readonly problems: readonly string[]
  /** The first event whose name is not the type that its data states. A check of its own, as not all clients look at names. */
  readonly misnamed?: string
}

/** Folds the events of a stream. */
export interface StreamFold {
  push(event: StreamEvent): void
  reading(): Reading
}

/** A client's dialect, written and read by hand from its documentation. */
export interface ClientDialect {
  /** The body of a request, without `model` and `stream`. */
  write(talk: Talk): Record<string, unknown>
  whole(body: Json): Reading
  fold(): StreamFold
  /** What is wrong with the body of an error, if anything is. */
  errorProblem(body: Json): string | undefined
}

/** Gathers the pieces of a stream in their order. */
export class Pieces {
  readonly #list: { kind: 'text' | 'thought' | 'call'; text: string; id: string; name: string; signature?: string }[] =
    []

  begin(kind: 'text' | 'thought'): void {
    this.#list.push({ kind, text: '', id: '', name: '' })
  }

  add(kind: 'text' | 'thought', text: string): void {
    if (this.#list.at(-1)?.kind !== kind) this.begin(kind)
    const last = this.#list.at(-1)
    if (last) last.text += text
  }

  sign(signature: string): void {
    const last = this.#list.at(-1)
    if (last) last.signature = signature
  }

  /** Opens a call; pieces of its arguments are added by the returned function. */
  call(id: string, name: string): (json: string) => void {
    const opened = { kind: 'call' as const, text: '', id, name }
    this.#list.push(opened)
    return (json) => {
      opened.text += json
    }
  }

  all(): readonly Piece[] {
    return this.#list.flatMap(({ kind, text, id, name, signature }): readonly Piece[] => {
      if (kind === 'call') return [{ call: id, name, json: text }]
      if (text === '') return []
      return kind === 'text' ? [{ text }] : [{ thought: text, ...(signature && { signature }) }]
    })
  }
}

export const messageOf = (error: Json): string =>
  typeof error === 'string' ? error : String(error?.message ?? JSON.stringify(error))

/** Wants `error.message` and `error.type`, as both of OpenAI's surfaces have them. */
export function openaiErrorProblem(body: Json): string | undefined {
  if (typeof body?.error?.message !== 'string' || body.error.message === '') return 'the body has no error.message'
  return typeof body.error.type === 'string' || typeof body.error.code === 'string'
    ? undefined
    : 'the body has no error.type'
}

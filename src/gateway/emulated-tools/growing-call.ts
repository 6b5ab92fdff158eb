import { ArgumentsStream } from './arguments-stream.ts'
import type { CallStart } from './call-head.ts'
import { CallJsonBody } from './call-json-body.ts'
import { ElementsBody } from './elements-body.ts'
import type { JsonMender } from './json-mender.ts'
import type { FittedCall, KnownTool, KnownTools } from './known-tools.ts'

/** What was read of a text: prose, a call in pieces, or something that was meant as a call and cannot be understood. */
export type ReadEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call'; readonly tool: KnownTool }
  | { readonly type: 'arguments'; readonly json: string }
  | { readonly type: 'call-end' }
  | { readonly type: 'misread'; readonly text: string; readonly problem: string }

/**
 * What a call turned out to be. `sent`: its last events; the others have gone out already. `example`: calls in a code fence,
 * which count only if nothing follows them. `skip`: it was meant as a call, and nobody can say where it ends.
 */
export type GrowingCallResult =
  | { readonly type: 'calls' | 'example'; readonly calls: readonly FittedCall[] }
  | { readonly type: 'sent'; readonly events: readonly ReadEvent[] }
  | { readonly type: 'misread'; readonly problem: string }
  | { readonly type: 'text' | 'skip' | 'cut' }

/** A call that is being read, from its first mark on. */
export class GrowingCall {
  readonly #start: CallStart
  readonly #body: CallJsonBody | ElementsBody | ArgumentsStream
  /** Reads the text of the body, and says how far it is. */
  readonly #written: JsonMender | ElementsBody
  /** All of its text, in case that it is no call. */
  readonly #texts: string[]
  #isSent = false

  /** @param opening the text before the body */
  constructor(start: CallStart, opening: string, tools: KnownTools) {
    this.#start = start
    this.#texts = [opening]
    this.#body = bodyOf(start, tools)
    this.#written = this.#body instanceof ElementsBody ? this.#body : this.#body.written
  }

  get isOver(): boolean {
    return this.#written.isDone || this.#written.isBroken
  }

  /** The text that it has read so far. */
  get text(): string {
    const all = this.#texts.join('')
    return all.slice(0, all.length - this.rest.length)
  }

  /** The text that does not belong to it. */
  get rest(): string {
    return this.#written.rest
  }

  /** Reads on. @returns the events that can go out before its end */
  push(text: string): readonly ReadEvent[] {
    this.#texts.push(text)
    this.#written.push(text)
    return this.#body instanceof ArgumentsStream ? this.#eventsFor(this.#body.take()) : []
  }

  /** Says that no more text comes. */
  end(): void {
    if (!this.isOver) this.#written.end()
  }

  outcome(): GrowingCallResult {
    const { wrapping, isFenced } = this.#start
    if (this.#written.isBroken) return this.#brokenOutcome()
    if (this.#body instanceof ArgumentsStream) return this.#streamOutcome(this.#body)
    const calls = this.#body.calls()
    const problems = calls?.flatMap((call) => call.problems) ?? []
    if (!calls) return this.#unknownOutcome()
    if (problems.length > 0) return this.#isMarked ? { type: 'misread', problem: problems.join(' ') } : { type: 'text' }
    return { type: isFenced && wrapping !== 'own' ? 'example' : 'calls', calls }
  }

  get #isMarked(): boolean {
    return this.#start.wrapping === 'own' || this.#start.wrapping === 'foreign'
  }

  #brokenOutcome(): GrowingCallResult {
    const { wrapping, isNamed } = this.#start
    // what has gone out stays a call without an end
    if (this.#isSent) return { type: 'cut' }
    if (wrapping === 'own' || (wrapping === 'foreign' && isNamed)) return { type: 'skip' }
    return { type: 'text' }
  }

  /** Without the name of a known tool only our own marks say that it was meant as a call. */
  #unknownOutcome(): GrowingCallResult {
    const isOwn = this.#start.wrapping === 'own'
    return isOwn ? { type: 'misread', problem: 'It names no tool that exists.' } : { type: 'text' }
  }

  #streamOutcome(body: ArgumentsStream): GrowingCallResult {
    const { problems } = body
    if (problems.length > 0 && !this.#isSent) return { type: 'misread', problem: problems.join(' ') }
    return { type: 'sent', events: [...this.#eventsFor(body.takeRest()), { type: 'call-end' }] }
  }

  /** Passes a piece of the arguments on, and before the first piece the call. */
  #eventsFor(json: string | undefined): readonly ReadEvent[] {
    const { body } = this.#start
    if (json === undefined || body.type !== 'stream') return []
    const opened: readonly ReadEvent[] = this.#isSent ? [] : [{ type: 'call', tool: body.tool }]
    this.#isSent = true
    return [...opened, { type: 'arguments', json }]
  }
}

function bodyOf({ body }: CallStart, tools: KnownTools): CallJsonBody | ElementsBody | ArgumentsStream {
  switch (body.type) {
    case 'call':
      return new CallJsonBody(tools)
    case 'arguments':
      return new CallJsonBody(tools, body.tool)
    case 'stream':
      return new ArgumentsStream(body.tool)
    case 'elements':
      return new ElementsBody(body.tool)
  }
}

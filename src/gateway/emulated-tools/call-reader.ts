import { ArgumentsStream } from './arguments-stream.ts'
import { closerLength } from './call-closers.ts'
import { type CallHead, type CallStart, maxHead, readCallHead, type Wrapping } from './call-head.ts'
import { CallJsonBody } from './call-json-body.ts'
import { ElementsBody } from './elements-body.ts'
import { EntityDecoder } from './entities.ts'
import type { FittedCall, KnownTool, KnownTools } from './known-tools.ts'
import { type Marks, maxResultForm, resultForm } from './marks.ts'
import { ProseFence } from './prose-fence.ts'

/** What was read of a text: prose, a call in pieces, or something that was meant as a call and cannot be understood. */
export type ReadEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call'; readonly tool: KnownTool }
  | { readonly type: 'arguments'; readonly json: string }
  | { readonly type: 'call-end' }
  | { readonly type: 'misread'; readonly text: string; readonly problem: string }

export interface ReaderOptions {
  readonly tools: KnownTools
  readonly marks: Marks
  /** Whether an answer may have several calls. */
  readonly isParallel: boolean
}

interface OpenBody {
  readonly start: CallStart
  readonly body: CallJsonBody | ElementsBody | ArgumentsStream
  /** All of its text, in case that it is no call. */
  readonly raw: string[]
  /** Whether a part of the call was passed on. */
  isSent: boolean
}

/** Calls in a code fence count only if nothing follows them: before a text they are an example. */
interface FencedCalls {
  readonly raw: string[]
  readonly calls: readonly FittedCall[]
}

/** How often a model may write the same call in one answer. After that it repeats itself without end. */
const maxRepeats = 2
/** White space that is held, in case that a call follows. */
const maxSpace = 256

/**
 * Reads the text of a model, and finds the calls in it as they are written. Text goes out at once, except for what may be the
 * beginning of a call, and except for white space before it. A call begins at the start of a line, outside of code fences,
 * and names a known tool. The same text gives the same events in any pieces.
 */
export class CallReader {
  readonly #options: ReaderOptions
  readonly #fence = new ProseFence()
  readonly #counts = new Map<string, number>()
  #mode: 'line' | 'text' | 'body' | 'after' | 'skip' | 'cut' = 'line'
  #held = ''
  #open: OpenBody | undefined
  #fenced: FencedCalls | undefined
  #skipped: string[] = []
  #decoder: EntityDecoder | undefined
  #events: ReadEvent[] = []
  #isEnd = false

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  push(text: string): readonly ReadEvent[] {
    this.#held += this.#decoder ? this.#decoder.push(text) : text
    return this.#run()
  }

  /** Says that no more text comes. */
  end(): readonly ReadEvent[] {
    this.#isEnd = true
    if (this.#decoder) this.#held += this.#decoder.end()
    return this.#run()
  }

  #run(): readonly ReadEvent[] {
    this.#events = []
    while (this.#step()) {
      // reads on
    }
    return this.#events
  }

  /** Reads on as far as it can in one mode. @returns whether it is in another mode now */
  #step(): boolean {
    switch (this.#mode) {
      case 'text':
        return this.#readText()
      case 'line':
        return this.#readLine()
      case 'body':
        return this.#readBody()
      case 'after':
        return this.#readAfter()
      case 'skip':
        return this.#skip()
      default:
        this.#held = ''
        return false
    }
  }

  #say(text: string): void {
    const last = this.#events.at(-1)
    if (text === '') return
    if (last?.type === 'text') this.#events[this.#events.length - 1] = { type: 'text', text: last.text + text }
    else this.#events.push({ type: 'text', text })
  }

  /** Passes the rest of a line on. The line break is kept, because a call may follow it. */
  #readText(): boolean {
    const end = this.#held.indexOf('\n')
    const text = end === -1 ? this.#held : this.#held.slice(0, end)
    this.#say(text)
    this.#held = this.#held.slice(text.length)
    if (end !== -1) this.#mode = 'line'
    return end !== -1
  }

  #readLine(): boolean {
    const visible = this.#held.trimStart()
    const early = this.#held.length - visible.length - maxSpace
    if (early > 0) {
      this.#say(this.#held.slice(0, early))
      this.#held = this.#held.slice(early)
    }
    if (visible === '') {
      if (this.#isEnd) this.#sayHeld('')
      return false
    }
    const fence = this.#fence.read(visible)
    if (fence === 'more' && !this.#isEnd) return false
    if (this.#fence.isOpen || fence === 'closed') return this.#sayHeld(visible)
    const escaped = this.#readEntities(visible)
    if (escaped !== 'none') return escaped === 'read'
    const head = this.#readHead(visible)
    if (head === 'more') return false
    if (head === 'text') {
      this.#fence.open(visible)
      return this.#sayHeld(visible)
    }
    return this.#begin(head, this.#held, visible)
  }

  /** Passes the white space on that was held, and goes on with the text after it. */
  #sayHeld(visible: string): boolean {
    this.#say(this.#held.slice(0, this.#held.length - visible.length))
    this.#held = visible
    this.#mode = 'text'
    return true
  }

  #readHead(visible: string): CallHead {
    const head = readCallHead(visible.slice(0, maxHead), this.#options)
    return head === 'more' && this.#isEnd ? 'text' : head
  }

  /** Reads escaped marks as marks: from the first call that begins with `&lt;` on, everything is unescaped. */
  #readEntities(visible: string): 'read' | 'none' | 'more' {
    const mark = '&lt;'
    if (this.#decoder || this.#isEnd || visible[0] !== '&') return 'none'
    if (visible.length < mark.length) return mark.startsWith(visible) ? 'more' : 'none'
    if (!visible.startsWith(mark)) return 'none'
    const decoder = new EntityDecoder()
    const head = this.#readHead(decoder.push(visible.slice(0, maxHead)))
    if (head === 'more') return visible.length < maxHead ? 'more' : 'none'
    if (head === 'text') return 'none'
    this.#decoder = new EntityDecoder()
    this.#held = this.#held.slice(0, this.#held.length - visible.length) + this.#decoder.push(visible)
    return 'read'
  }

  #begin(start: CallStart, raw: string, visible: string): boolean {
    this.#open = { start, body: this.#bodyOf(start), raw: [raw], isSent: false }
    this.#held = ''
    this.#mode = 'body'
    this.#open.body.push(visible.slice(start.at))
    return this.#afterPush(this.#open)
  }

  #bodyOf({ body }: CallStart): OpenBody['body'] {
    switch (body.type) {
      case 'call':
        return new CallJsonBody(this.#options.tools)
      case 'arguments':
        return new CallJsonBody(this.#options.tools, body.tool)
      case 'stream':
        return new ArgumentsStream(body.tool)
      case 'elements':
        return new ElementsBody(body.tool)
    }
  }

  #readBody(): boolean {
    const open = this.#open
    if (!open) return false
    open.raw.push(this.#held)
    open.body.push(this.#held)
    this.#held = ''
    if (this.#isEnd && !open.body.isDone && !open.body.isBroken) open.body.end()
    return this.#afterPush(open)
  }

  #afterPush(open: OpenBody): boolean {
    const { body } = open
    if (body instanceof ArgumentsStream) this.#passOn(open, body.take())
    if (body.isBroken) return this.#break(open)
    if (!body.isDone) return this.#isEnd
    this.#close(open)
    if (body instanceof ArgumentsStream) return this.#endStream(open, body)
    const calls = body.calls()
    const { wrapping, isFenced } = open.start
    const isMarked = wrapping === 'own' || wrapping === 'foreign'
    const problems = calls?.flatMap((call) => call.problems) ?? []
    if (!calls || (problems.length > 0 && !isMarked)) return this.#reject(open)
    if (isFenced && wrapping !== 'own') this.#keepFenced(open, calls)
    else if (problems.length > 0) this.#misread(open, problems.join(' '))
    else for (const call of calls) this.#call(call)
    return true
  }

  /** Ends a body. What it has not read is read after it. */
  #close(open: OpenBody): void {
    const raw = open.raw.join('')
    const { rest } = open.body
    open.raw.splice(0, open.raw.length, raw.slice(0, raw.length - rest.length))
    this.#open = undefined
    this.#held = rest
    this.#mode = 'after'
  }

  #keepFenced({ raw }: OpenBody, calls: readonly FittedCall[]): void {
    const before = this.#fenced
    this.#fenced = { raw: [...(before?.raw ?? []), ...raw], calls: [...(before?.calls ?? []), ...calls] }
  }

  /** Passes a piece of the arguments on, and before the first piece the call. */
  #passOn(open: OpenBody, json: string | undefined): void {
    const { body } = open.start
    if (json === undefined || body.type !== 'stream') return
    if (!open.isSent) this.#events.push({ type: 'call', tool: body.tool })
    open.isSent = true
    this.#events.push({ type: 'arguments', json })
  }

  #endStream(open: OpenBody, body: ArgumentsStream): boolean {
    const { problems } = body
    if (problems.length > 0 && !open.isSent) {
      this.#misread(open, problems.join(' '))
      return true
    }
    this.#passOn(open, body.takeRest())
    this.#events.push({ type: 'call-end' })
    if (!this.#options.isParallel) this.#mode = 'cut'
    return true
  }

  #call({ tool, json }: FittedCall): void {
    if (this.#mode === 'cut') return
    const key = `${tool.name} ${json}`
    const count = this.#counts.get(key) ?? 0
    this.#counts.set(key, count + 1)
    if (count >= maxRepeats) {
      this.#mode = 'cut'
      return
    }
    this.#events.push({ type: 'call', tool }, { type: 'arguments', json }, { type: 'call-end' })
    if (!this.#options.isParallel) this.#mode = 'cut'
  }

  /** Ends a body that cannot be read. What was passed on stays a call without an end. */
  #break(open: OpenBody): boolean {
    this.#close(open)
    if (open.isSent) this.#mode = 'cut'
    else if (isMeant(open.start)) {
      this.#skipped = open.raw
      this.#mode = 'skip'
    } else return this.#reject(open)
    return true
  }

  /** Reads a body as text, because it is no call. A call in our own marks is reported. */
  #reject(open: OpenBody): boolean {
    if (open.start.wrapping === 'own') {
      this.#misread(open, 'It names no tool that exists.')
      return true
    }
    this.#sayProse(this.#takeFenced() + open.raw.join(''))
    return true
  }

  /** Passes whole lines on that were held, and the beginning of another. */
  #sayProse(text: string): void {
    this.#fence.readAll(text)
    this.#say(text)
    this.#mode = 'text'
  }

  #misread({ raw }: Pick<OpenBody, 'raw'>, problem: string): void {
    this.#events.push({ type: 'misread', text: raw.join(''), problem })
  }

  /** Skips the rest of a call that cannot be read. */
  #skip(): boolean {
    this.#skipped.push(this.#held)
    this.#held = ''
    if (!this.#isEnd) return false
    this.#misread({ raw: this.#skipped }, 'It is not valid JSON.')
    this.#mode = 'cut'
    return true
  }

  /** Reads what follows a call: its closing marks, another call, a result that the model makes up, or text. */
  #readAfter(): boolean {
    const visible = this.#held.trimStart()
    this.#fenced?.raw.push(this.#held.slice(0, this.#held.length - visible.length))
    this.#held = visible
    if (visible === '' && !this.#isEnd) return false
    const found = closerLength(visible, this.#options)
    if (found === 'more' && !this.#isEnd) return false
    // at the end of the answer, what may be a closing mark is one
    const closer = found === 'more' ? visible.length : found
    if (closer > 0) {
      this.#fenced?.raw.push(visible.slice(0, closer))
      this.#held = visible.slice(closer)
      return true
    }
    if (resultForm.test(visible)) return this.#cut()
    const mayBeResult = visible.length < maxResultForm && !visible.includes('\n') && !this.#isEnd
    if (mayBeResult) return false
    const head = visible === '' ? 'text' : this.#readHead(visible)
    if (head === 'more') return false
    return head === 'text' ? this.#endCalls(visible) : this.#begin(head, visible, visible)
  }

  #endCalls(visible: string): boolean {
    if (visible === '') return this.#cut()
    const fenced = this.#takeFenced()
    if (fenced !== '') this.#sayProse(fenced)
    this.#mode = 'text'
    return true
  }

  /** Ends the answer here. */
  #cut(): boolean {
    const { calls = [] } = this.#fenced ?? {}
    this.#fenced = undefined
    this.#mode = 'after'
    for (const call of calls) this.#call(call)
    this.#mode = 'cut'
    return true
  }

  #takeFenced(): string {
    const raw = this.#fenced?.raw.join('') ?? ''
    this.#fenced = undefined
    return raw
  }
}

/** Whether a text was certainly meant as a call, although it cannot be read. */
function isMeant({ wrapping, isNamed }: { readonly wrapping: Wrapping; readonly isNamed: boolean }): boolean {
  return wrapping === 'own' || (wrapping === 'foreign' && isNamed)
}

import { closerLength } from './call-closers.ts'
import { CallCount } from './call-count.ts'
import { type CallHead, type CallStart, maxHead, readCallHead } from './call-head.ts'
import { EntityDecoder } from './entities.ts'
import { ExampleCalls } from './example-calls.ts'
import { GrowingCall, type ReadEvent } from './growing-call.ts'
import type { FittedCall, KnownTools } from './known-tools.ts'
import { type Marks, maxResultForm, resultForm } from './marks.ts'
import { ProseFence } from './prose-fence.ts'

export interface ReaderOptions {
  readonly tools: KnownTools
  readonly marks: Marks
  /** Whether an answer may have several calls. */
  readonly isParallel: boolean
}

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
  readonly #examples = new ExampleCalls()
  readonly #count = new CallCount()
  #mode: 'line' | 'text' | 'body' | 'after' | 'skip' | 'cut' = 'line'
  #held = ''
  #open: GrowingCall | undefined
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

  #begin(start: CallStart, opening: string, visible: string): boolean {
    this.#open = new GrowingCall(
      start,
      opening.slice(0, opening.length - visible.length + start.at),
      this.#options.tools,
    )
    this.#held = visible.slice(start.at)
    this.#mode = 'body'
    return true
  }

  #readBody(): boolean {
    const open = this.#open
    if (!open) return false
    this.#events.push(...open.push(this.#held))
    this.#held = ''
    if (this.#isEnd) open.end()
    if (!open.isOver) return false
    this.#open = undefined
    this.#held = open.rest
    this.#mode = 'after'
    this.#end(open)
    return true
  }

  #end(open: GrowingCall): void {
    const outcome = open.outcome()
    switch (outcome.type) {
      case 'calls':
        for (const call of outcome.calls) this.#call(call)
        break
      case 'example':
        this.#examples.add(open.text, outcome.calls)
        break
      case 'sent':
        this.#events.push(...outcome.events)
        this.#countCall(open.text)
        break
      case 'misread':
        this.#events.push({ type: 'misread', text: open.text, problem: outcome.problem })
        break
      case 'text':
        this.#sayProse(this.#examples.takeText() + open.text)
        break
      case 'skip':
        this.#skipped = [open.text]
        this.#mode = 'skip'
        break
      case 'cut':
        this.#mode = 'cut'
    }
  }

  #call({ tool, json }: FittedCall): void {
    const written = `${tool.name} ${json}`
    if (this.#mode === 'cut' || this.#count.isRepeated(written)) return
    this.#events.push({ type: 'call', tool }, { type: 'arguments', json }, { type: 'call-end' })
    this.#countCall(written)
  }

  /** Counts a call that went out. No more follow after the only one, and after too many. */
  #countCall(written: string): void {
    this.#count.add(written)
    if (!this.#options.isParallel || this.#count.isEnough) this.#mode = 'cut'
  }

  /** Passes whole lines on that were held, and the beginning of another. */
  #sayProse(text: string): void {
    this.#fence.readAll(text)
    this.#say(text)
    this.#mode = 'text'
  }

  /** Skips the rest of a call that cannot be read. */
  #skip(): boolean {
    this.#skipped.push(this.#held)
    this.#held = ''
    if (!this.#isEnd) return false
    this.#events.push({ type: 'misread', text: this.#skipped.join(''), problem: 'It is not valid JSON.' })
    this.#mode = 'cut'
    return true
  }

  /** Reads what follows a call: its closing marks, another call, a result that the model makes up, or text. */
  #readAfter(): boolean {
    const visible = this.#held.trimStart()
    this.#examples.addText(this.#held.slice(0, this.#held.length - visible.length))
    this.#held = visible
    if (visible === '' && !this.#isEnd) return false
    const found = closerLength(visible, this.#options)
    if (found === 'more' && !this.#isEnd) return false
    // at the end of the answer, what may be a closing mark is one
    const closer = found === 'more' ? visible.length : found
    if (closer > 0) {
      this.#examples.addText(visible.slice(0, closer))
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
    const examples = this.#examples.takeText()
    if (examples !== '') this.#sayProse(examples)
    this.#mode = 'text'
    return true
  }

  /** Ends the answer here. */
  #cut(): boolean {
    this.#mode = 'after'
    for (const call of this.#examples.takeCalls()) this.#call(call)
    this.#mode = 'cut'
    return true
  }
}

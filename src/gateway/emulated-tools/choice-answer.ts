import { type ChatEvent, type FinishEvent, isOfPart, type ReasoningEvent, type TextEvent } from '../../chat/event.ts'
import { PartWriter } from '../../chat/part-writer.ts'
import { CallReader, type ReaderOptions } from './call-reader.ts'
import type { ReadEvent } from './growing-call.ts'

/** How the text of an answer is read. */
export interface ReadingOptions {
  /** How calls are found; undefined if the text has none. */
  readonly calls?: ReaderOptions
  /** Whether text is kept until the answer is whole, because it may have to be another one. */
  readonly keepsText: boolean
  newId(): string
}

/** A part of an answer that was meant as a call. */
export interface MisreadCall {
  readonly text: string
  readonly problem: string
}

/** Turns the events of one choice whose calls are written in its text into events with calls. */
export class ChoiceAnswer {
  readonly #options: ReadingOptions
  readonly #writer: PartWriter
  #text: CallReader | undefined
  #thoughts: CallReader | undefined
  /** Calls within the reasoning. They count only if the answer has nothing else. */
  #thoughtCalls: ReadEvent[] = []
  #openCall: number | undefined
  #keepsText: boolean
  #hasText = false
  #kept: string[] = []
  #said: string[] = []
  #hasCalls = false
  misread: MisreadCall | undefined
  finish: Omit<FinishEvent, 'native'> | undefined

  constructor(choice: number, options: ReadingOptions) {
    this.#options = options
    this.#writer = new PartWriter(choice)
    this.#keepsText = options.keepsText
    this.#startReaders()
  }

  /** Whether a call went out, also one without an end. */
  get hasCalls(): boolean {
    return this.#hasCalls
  }

  /** Whether the text ended within a call that went out. */
  get isBroken(): boolean {
    return this.#openCall !== undefined
  }

  /** The text that was kept back. */
  get keptText(): string {
    return this.#kept.join('')
  }

  /** Everything that the model has said in this answer, calls included. */
  get said(): string {
    return this.#said.join('')
  }

  add(event: ChatEvent): ChatEvent[] {
    switch (event.type) {
      case 'text':
        return this.#addText(event)
      case 'reasoning':
        return this.#addReasoning(event)
      case 'part-end':
        return event.annotations || event.extra ? this.#writer.endWords(withoutPlace(event)) : []
      case 'finish': {
        const { native: _, ...finish } = event
        this.finish = finish
        return []
      }
      case 'usage':
      case 'foreign':
        return []
      default:
        return this.#pass(event)
    }
  }

  /** Ends the text. What was held is text, and calls within the reasoning count if there is nothing else. */
  endText(): ChatEvent[] {
    const events = this.#write(this.#text?.end() ?? [])
    this.#thoughtCalls.push(...callsAmong(this.#thoughts?.end() ?? []))
    const isSilent = !this.#hasCalls && !this.#hasText && !this.misread
    if (isSilent) events.push(...this.#write(this.#thoughtCalls))
    this.#thoughtCalls = []
    return events
  }

  /** Begins another answer to the same request. What was kept of the first is forgotten, and its text is kept back. */
  restart(): void {
    this.#keepsText = true
    this.#kept = []
    this.#said = []
    this.#hasText = false
    this.misread = undefined
    this.#startReaders()
  }

  /** Writes a text that was kept, or made of it. */
  say(text: string): ChatEvent[] {
    return text.trim() === '' ? [] : this.#writer.text(text)
  }

  /** Writes the finish. The reason is `tool-calls` if and only if a call is whole. */
  end(): ChatEvent[] {
    const { reason = 'stop', raw, stopSequence, extra } = this.finish ?? {}
    const ending = {
      ...(raw !== undefined && { raw }),
      ...(stopSequence !== undefined && { stopSequence }),
      ...(extra && { extra }),
    }
    if (this.#openCall !== undefined) return this.#writer.finish('length', ending)
    if (this.#hasCalls) return this.#writer.finish(reason === 'content-filter' ? reason : 'tool-calls', ending)
    return this.#writer.finish(reason === 'tool-calls' ? 'stop' : reason, ending)
  }

  #startReaders(): void {
    const { calls } = this.#options
    this.#text = calls && new CallReader(calls)
    this.#thoughts = calls && new CallReader(calls)
  }

  #addText({ text, annotations, extra }: TextEvent): ChatEvent[] {
    this.#said.push(text)
    const events = this.#write(this.#text?.push(text) ?? [{ type: 'text', text }])
    if (!annotations && !extra) return events
    return [...events, ...this.#writer.text('', { ...(annotations && { annotations }), ...(extra && { extra }) })]
  }

  #addReasoning({ text, extra }: ReasoningEvent): ChatEvent[] {
    if (!this.#hasCalls) this.#thoughtCalls.push(...callsAmong(this.#thoughts?.push(text) ?? []))
    return this.#writer.reasoning(text, extra && { extra })
  }

  /** Passes on what is not text: a call that the upstream knows itself, a refusal, a file. */
  #pass(event: ChatEvent): ChatEvent[] {
    if (!isOfPart(event)) return []
    const { native: _, choice: _choice, part: _part, ...content } = event
    switch (content.type) {
      case 'refusal':
        return this.#writer.refusal(content.text)
      case 'tool-call':
        this.#hasCalls = true
        return this.#writer.toolCall(content)
      case 'tool-arguments':
        return this.#writer.toolArguments(this.#writer.latestPart, content.json)
      case 'file':
      case 'server-tool-call':
      case 'server-tool-result':
        return this.#writer.whole(content)
      default:
        return []
    }
  }

  #write(events: readonly ReadEvent[]): ChatEvent[] {
    return events.flatMap((event) => this.#writeOne(event))
  }

  #writeOne(event: ReadEvent): ChatEvent[] {
    switch (event.type) {
      case 'text':
        if (event.text.trim() !== '') this.#hasText = true
        if (!this.#keepsText) return this.#writer.text(event.text)
        this.#kept.push(event.text)
        return []
      case 'call': {
        const kept = this.#hasCalls ? [] : this.say(this.#takeKept())
        this.#hasCalls = true
        const opened = this.#writer.toolCall({ id: this.#options.newId(), name: event.tool.name })
        this.#openCall = this.#writer.latestPart
        return [...kept, ...opened]
      }
      case 'arguments':
        return this.#openCall === undefined ? [] : this.#writer.toolArguments(this.#openCall, event.json)
      case 'call-end': {
        const ended = this.#openCall === undefined ? [] : this.#writer.endCall(this.#openCall)
        this.#openCall = undefined
        return ended
      }
      case 'misread':
        this.misread ??= { text: event.text, problem: event.problem }
        return []
    }
  }

  #takeKept(): string {
    return this.#kept.splice(0).join('')
  }
}

function callsAmong(events: readonly ReadEvent[]): ReadEvent[] {
  return events.filter(({ type }) => type !== 'text' && type !== 'misread')
}

function withoutPlace({ annotations, extra }: Extract<ChatEvent, { type: 'part-end' }>) {
  return { ...(annotations && { annotations }), ...(extra && { extra }) }
}

import { ChatError } from '../chat/error.ts'
import type { ChatEvent, FinishEvent, FinishReason, Native, Usage } from '../chat/event.ts'
import type { Annotation, AssistantMessage, Extras, Part } from '../chat/message.ts'
import { headOf } from '../chat/shorten.ts'
import type { Flow } from './flow.ts'

/** One answer, as far as it has come. */
export interface FoldedChoice {
  readonly index: number
  /** In order. */
  readonly parts: readonly Part[]
  /** Log probabilities of its tokens, in OpenAI's shape, in order. */
  readonly logprobs: readonly unknown[]
  /** Undefined until it has ended. */
  readonly finish: FinishReason | undefined
  /** The upstream's own word for its end. */
  readonly raw?: string
  readonly stopSequence?: string
  /** What the answer has to be handed back with, beside its parts. */
  readonly extra?: Extras
  /** The upstream's whole reply this choice came in, where it came as one. */
  readonly native: Native | undefined
}

/** One answer, whole. */
export interface Choice extends FoldedChoice {
  readonly finish: FinishReason
}

/** A whole stream, folded. */
export interface Answer {
  /** By index. */
  readonly choices: readonly Choice[]
  readonly usage: Usage | undefined
}

export interface FoldOptions {
  /** Characters that are kept of the answer, with all that stands beside it; and as many again of its thoughts. */
  readonly maxCharacters: number
}

/** What a part costs beside its characters, and an entry of log probabilities in all. */
const perPart = 32
const perLogprobs = 256

/** A part while it grows: of words and calls the text, of other parts all there is. */
interface Growing {
  readonly opened: Part
  text: string
  readonly annotations: Annotation[]
  extra: Extras | undefined
}

interface GrowingChoice {
  readonly parts: Map<number, Growing>
  readonly logprobs: unknown[]
  finish: FinishEvent | undefined
  native: Native | undefined
}

/** Makes ordered parts of a stream's events. Once it is full it keeps what it has, and says so by `isCut`. */
export class Fold {
  readonly #choices = new Map<number, GrowingChoice>()
  readonly #answer: Room
  readonly #thoughts: Room
  #usage: Usage | undefined

  constructor({ maxCharacters }: FoldOptions) {
    this.#answer = { left: maxCharacters, isCut: false }
    this.#thoughts = { left: maxCharacters, isCut: false }
  }

  /** Whether something was too much to be kept. */
  get isCut(): boolean {
    return this.#answer.isCut || this.#thoughts.isCut
  }

  /** Whether that was something of the answer, not of the thoughts alone. */
  get isAnswerCut(): boolean {
    return this.#answer.isCut
  }

  /** The last that the upstream said of its usage. */
  get usage(): Usage | undefined {
    return this.#usage
  }

  /** What has come so far, by index. */
  get choices(): readonly FoldedChoice[] {
    return [...this.#choices].sort(([a], [b]) => a - b).map(([index, choice]) => folded(index, choice))
  }

  /** The parts of one choice so far, in order. */
  parts(choice = 0): readonly Part[] {
    const growing = this.#choices.get(choice)
    return growing ? partsOf(growing) : []
  }

  /** One choice so far, as its model is told it again. */
  message(choice = 0): AssistantMessage {
    const extra = this.#choices.get(choice)?.finish?.extra
    return { role: 'assistant', content: this.parts(choice), ...(extra && { extra }) }
  }

  add(event: ChatEvent): void {
    if (event.type === 'usage') {
      this.#usage = event.usage
      return
    }
    const choice = this.#choiceAt(event.choice)
    if (event.native?.form === 'whole') choice.native = event.native
    if (event.type === 'foreign') return
    if (event.type === 'finish') choice.finish = event
    else this.#grow(choice, event)
  }

  #choiceAt(index: number): GrowingChoice {
    const known = this.#choices.get(index)
    if (known) return known
    const fresh: GrowingChoice = { parts: new Map(), logprobs: [], finish: undefined, native: undefined }
    this.#choices.set(index, fresh)
    return fresh
  }

  #grow(choice: GrowingChoice, event: GrowingEvent): void {
    const part = choice.parts.get(event.part) ?? this.#open(choice, event)
    if (!part) return
    const room = part.opened.type === 'reasoning' ? this.#thoughts : this.#answer
    if ('text' in event) part.text += headIn(room, event.text)
    else if (event.type === 'tool-arguments') part.text += headIn(room, event.json)
    if ('annotations' in event && event.annotations && fits(room, sizeOf(event.annotations)))
      part.annotations.push(...event.annotations)
    const { extra, logprobs } = event
    if (extra && extra !== part.extra && fits(room, sizeOf(extra))) part.extra = { ...part.extra, ...extra }
    if (logprobs !== undefined && fits(room, perLogprobs)) choice.logprobs.push(logprobs)
  }

  #open(choice: GrowingChoice, event: GrowingEvent): Growing | undefined {
    const opened = openedBy(event)
    const room = event.type === 'reasoning' ? this.#thoughts : this.#answer
    if (!opened || !fits(room, perPart + sizeOf(opened))) return undefined
    const part = { opened, text: '', annotations: [], extra: undefined }
    choice.parts.set(event.part, part)
    return part
  }
}

/** Characters that may still be kept. */
interface Room {
  left: number
  isCut: boolean
}

/** Takes the characters, or says that something is cut. */
function fits(room: Room, characters: number): boolean {
  if (characters > room.left) {
    room.isCut = true
    return false
  }
  room.left -= characters
  return true
}

/** As much of the text as there is room for. */
function headIn(room: Room, text: string): string {
  if (fits(room, text.length)) return text
  const head = headOf(text, room.left)
  room.left -= head.length
  return head
}

type GrowingEvent = Exclude<ChatEvent, { type: 'usage' | 'finish' | 'foreign' }>

/** The part as it is when it opens; undefined for an event that opens none. */
function openedBy(event: GrowingEvent): Part | undefined {
  switch (event.type) {
    case 'text':
    case 'refusal':
    case 'reasoning':
      return { type: event.type, text: '' }
    case 'tool-call':
      return { type: 'tool-call', id: event.id, name: event.name, arguments: '' }
    case 'file':
      return event.file
    case 'server-tool-call':
      return { type: 'server-tool-call', id: event.id, name: event.name, arguments: event.arguments }
    case 'server-tool-result': {
      const { toolCallId, isError } = event
      return { type: 'server-tool-result', toolCallId, ...(isError !== undefined && { isError }) }
    }
    case 'tool-arguments':
    case 'part-end':
      return undefined
  }
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value).length
}

function folded(index: number, choice: GrowingChoice): FoldedChoice {
  const { finish, logprobs, native } = choice
  const { reason, raw, stopSequence, extra } = finish ?? {}
  return {
    index,
    parts: partsOf(choice),
    logprobs,
    finish: reason,
    ...(raw !== undefined && { raw }),
    ...(stopSequence !== undefined && { stopSequence }),
    ...(extra && { extra }),
    native,
  }
}

function partsOf({ parts }: GrowingChoice): readonly Part[] {
  return [...parts].sort(([a], [b]) => a - b).map(([, part]) => grownPart(part))
}

function grownPart({ opened, text, annotations, extra }: Growing): Part {
  const beside = extra && { extra }
  switch (opened.type) {
    case 'text':
      return { ...opened, text, ...(annotations.length > 0 && { annotations }), ...beside }
    case 'refusal':
    case 'reasoning':
      return { ...opened, text, ...beside }
    case 'tool-call':
      return { ...opened, arguments: text, ...beside }
    default:
      return { ...opened, ...beside }
  }
}

/** Characters of an answer that is collected: more than any model says. */
const maxAnswerCharacters = 128 * 1024 * 1024

/**
 * A whole flow, folded: a JSON reply is the same flow.
 * @throws ChatError `upstream-failed` when a choice never finished, there is none, or they are too long; otherwise what
 * the flow threw
 */
export async function fold(flow: Flow): Promise<Answer> {
  const found = new Fold({ maxCharacters: maxAnswerCharacters })
  for (let batch = await flow.next(); batch; batch = await flow.next()) {
    for (const event of batch) found.add(event)
    if (!found.isCut) continue
    flow.close()
    throw tooLong()
  }
  const { choices, usage } = found
  if (choices.length === 0) throw brokenOff()
  return { choices: choices.map(finished), usage }
}

function finished(choice: FoldedChoice): Choice {
  const { finish } = choice
  if (!finish) throw brokenOff()
  return { ...choice, finish }
}

function brokenOff(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream broke off its answer.',
    code: 'upstream_disconnected',
  })
}

function tooLong(): ChatError {
  return new ChatError('upstream-outdated', {
    message: 'The upstream sent a longer answer than the gateway collects. Ask for a stream.',
    code: 'upstream_response_too_large',
  })
}

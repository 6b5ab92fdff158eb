import { ChatError } from '../chat/error.ts'
import type { ChatEvent, FinishEvent, FinishReason, Native, Usage } from '../chat/event.ts'
import type { AssistantMessage, Extras, Part } from '../chat/message.ts'
import type { Flow } from './flow.ts'
import { fits, type Room } from './fold-room.ts'
import { type GrowingEvent, type GrowingPart, grownPart, growPart, openPart } from './growing-part.ts'

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

/** Characters that an entry of log probabilities costs. */
const perLogprobs = 256

interface GrowingChoice {
  readonly parts: Map<number, GrowingPart>
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
    const known = choice.parts.get(event.part)
    const room = (known?.opened.type ?? event.type) === 'reasoning' ? this.#thoughts : this.#answer
    const part = known ?? openPart(event, room)
    if (!part) return
    if (!known) choice.parts.set(event.part, part)
    growPart(part, event, room)
    if (event.logprobs !== undefined && fits(room, perLogprobs)) choice.logprobs.push(event.logprobs)
  }
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

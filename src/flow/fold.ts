import { ChatError } from '../chat/error.ts'
import type { ChatEvent, FinishEvent, FinishReason, Native, Usage } from '../chat/event.ts'
import type { AssistantMessage, Extras, Part } from '../chat/message.ts'
import { brokenAnswer } from '../chat/reply-errors.ts'
import type { Batch, Flow } from './flow.ts'
import { type Room, takeRoom } from './fold-room.ts'
import { finishPart, type GrowingEvent, type GrowingPart, growPart, startPart } from './growing-part.ts'

/** One choice, which may be unfinished. */
export interface FoldedChoice {
  readonly index: number
  /** The parts in order. */
  readonly parts: readonly Part[]
  /** Log probabilities of its tokens, in OpenAI's shape, in order. */
  readonly logprobs: readonly unknown[]
  /** Undefined until the choice has ended. */
  readonly finish: FinishReason | undefined
  /** The upstream's own word for the finish reason. */
  readonly raw?: string
  readonly stopSequence?: string
  /** Fields that the answer must have, in addition to its parts, when it is sent back to the upstream. */
  readonly extra?: Extras
  /** The upstream's whole reply, if the choice was read from one. It is undefined for a streamed choice. */
  readonly native: Native | undefined
}

/** One finished choice. */
export interface Choice extends FoldedChoice {
  readonly finish: FinishReason
}

/** A whole answer. */
export interface Answer {
  /** In the order of their indexes. */
  readonly choices: readonly Choice[]
  readonly usage: Usage | undefined
  /** The upstream's reply that says all of this and nothing else. Its choices are numbered in order. */
  readonly reply?: Native
}

export interface FoldOptions {
  /** Characters that are kept of the answer, including its extra fields. The reasoning has its own limit of the same size. */
  readonly maxCharacters: number
}

/** Estimated characters of one entry of log probabilities. */
const perLogprobs = 256

interface GrowingChoice {
  readonly parts: Map<number, GrowingPart>
  readonly logprobs: unknown[]
  finish: FinishEvent | undefined
  native: Native | undefined
}

/** Gathers events into ordered parts. When it is full, it keeps what it has and sets `isCut`. */
export class Fold {
  readonly #choices = new Map<number, GrowingChoice>()
  readonly #answer: Room
  readonly #reasoning: Room
  #usage: Usage | undefined

  constructor({ maxCharacters }: FoldOptions) {
    this.#answer = { left: maxCharacters, isCut: false }
    this.#reasoning = { left: maxCharacters, isCut: false }
  }

  /** Whether something did not fit. */
  get isCut(): boolean {
    return this.#answer.isCut || this.#reasoning.isCut
  }

  /** Whether something other than reasoning did not fit. */
  get isAnswerCut(): boolean {
    return this.#answer.isCut
  }

  /** The latest usage from the upstream. */
  get usage(): Usage | undefined {
    return this.#usage
  }

  /** The choices so far, in the order of their indexes. */
  get choices(): readonly FoldedChoice[] {
    return [...this.#choices].sort(([a], [b]) => a - b).map(([index, choice]) => toFoldedChoice(index, choice))
  }

  /** Returns the parts of one choice so far, in order. */
  parts(choice = 0): readonly Part[] {
    const growing = this.#choices.get(choice)
    return growing ? partsOf(growing) : []
  }

  /** Returns one choice so far as a message for the model. */
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
    if (event.type === 'foreign' || event.type === 'seam') return
    if (event.type === 'finish') choice.finish = event
    else this.#grow(choice, event)
  }

  #choiceAt(index: number): GrowingChoice {
    const known = this.#choices.get(index)
    if (known) return known
    const added: GrowingChoice = { parts: new Map(), logprobs: [], finish: undefined, native: undefined }
    this.#choices.set(index, added)
    return added
  }

  #grow(choice: GrowingChoice, event: GrowingEvent): void {
    const known = choice.parts.get(event.part)
    const room = (known?.opened.type ?? event.type) === 'reasoning' ? this.#reasoning : this.#answer
    const part = known ?? startPart(event, room)
    if (!part) return
    if (!known) choice.parts.set(event.part, part)
    growPart(part, event, room)
    if (event.logprobs !== undefined && takeRoom(room, perLogprobs)) choice.logprobs.push(event.logprobs)
  }
}

function toFoldedChoice(index: number, choice: GrowingChoice): FoldedChoice {
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
  return [...parts].sort(([a], [b]) => a - b).map(([, part]) => finishPart(part))
}

/** Maximum number of characters of a folded answer. No model writes that many. */
const maxAnswerCharacters = 128 * 1024 * 1024

/**
 * Reads a whole flow and folds it.
 * @throws ChatError `upstream-failed` if there is no choice, or a choice has no finish; `upstream-outdated` if the answer is
 * too long; otherwise what the flow threw
 */
export async function fold(flow: Flow): Promise<Answer> {
  const first = await flow.next()
  const answer = first && answerIn(first)
  const next = answer && flow.next()
  const second = next instanceof Promise ? await next : next
  if (answer && !second) return answer
  const found = new Fold({ maxCharacters: maxAnswerCharacters })
  if (answer && first) addBatch(found, first, flow)
  for (let batch = second ?? first; batch; batch = await flow.next()) addBatch(found, batch, flow)
  return answerOf(found)
}

function addBatch(found: Fold, batch: Batch, flow: Flow): void {
  for (const event of batch) found.add(event)
  if (!found.isCut) return
  flow.close()
  throw answerTooLong()
}

/**
 * Returns the answer of a batch that was read from one whole reply. It is folded when its choices are asked for, because
 * a client of the reply's dialect can get the reply itself. Returns undefined for any other batch.
 */
function answerIn(batch: Batch): Answer | undefined {
  const reply = batch[0]?.native
  if (reply?.form !== 'whole') return undefined
  let usage: Usage | undefined
  let finished = 0
  let isFinished = false
  for (const event of batch) {
    if (event.native !== reply) return undefined
    if (event.type === 'usage') {
      usage = event.usage
      continue
    }
    if (event.choice !== finished) return undefined
    isFinished = event.type === 'finish'
    if (isFinished) finished++
  }
  if (!isFinished) return undefined
  let folded: Answer | undefined
  return {
    reply,
    usage,
    get choices() {
      folded ??= foldBatch(batch)
      return folded.choices
    },
  }
}

function foldBatch(batch: Batch): Answer {
  const found = new Fold({ maxCharacters: maxAnswerCharacters })
  for (const event of batch) found.add(event)
  return answerOf(found)
}

/** @throws ChatError `upstream-failed` if there is no choice, or a choice has no finish */
function answerOf({ choices, usage }: Fold): Answer {
  if (choices.length === 0) throw brokenAnswer()
  return { choices: choices.map(requireFinish), usage }
}

function requireFinish(choice: FoldedChoice): Choice {
  const { finish } = choice
  if (!finish) throw brokenAnswer()
  return { ...choice, finish }
}

function answerTooLong(): ChatError {
  return new ChatError('upstream-outdated', {
    message: 'The upstream sent a longer answer than the gateway collects. Ask for a stream.',
    code: 'upstream_response_too_large',
  })
}

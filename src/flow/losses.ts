import { type ChatEvent, isOfPart } from '../chat/event.ts'
import type { Extras, Part } from '../chat/message.ts'
import type { Flow } from './flow.ts'
import type { GrowingEvent } from './growing-part.ts'
import { watch } from './watch.ts'

/** What an answer may have: kinds of parts, and what else a dialect may lack a place for. */
export type AnswerMember = Part['type'] | 'order' | 'annotations' | 'logprobs' | 'stop-sequence' | 'other-finish'

/** What a dialect has a place for in an answer. */
export interface AnswerSupport {
  /** Its name. An answer in its own words loses nothing. */
  readonly dialect: string
  /**
   * `order`: parts stay as they came, else thoughts, texts, refusals and calls are each told together. `other-finish`: an
   * end of none of our kinds.
   */
  readonly members: ReadonlySet<AnswerMember>
}

/**
 * The same flow. What its answer has and the client's dialect cannot say is noted: the kind of a part, say, or
 * `reasoning.signature` for what only another dialect knows of one. A chunk of the client's own dialect loses nothing and
 * is not looked into.
 * @param lost where the names are noted: the receipt's
 */
export function noteLosses(flow: Flow, support: AnswerSupport, lost: Set<string>): Flow {
  let losses: Losses | undefined
  return watch(flow, {
    onBatch(batch) {
      for (const event of batch) {
        if (event.native?.dialect === support.dialect || event.type === 'usage') continue
        losses ??= new Losses(support, lost)
        losses.note(event)
      }
    },
  })
}

interface OpenPart {
  readonly name: AnswerMember
  /** Whether something of it has been told. */
  hasContent: boolean
}

interface OpenChoice {
  readonly parts: Map<number, OpenPart>
  /** The position in `turns` of the last kind of content so far. */
  turn: number
}

/** Limit for the names in a receipt. */
const maxLosses = 50

class Losses {
  readonly #support: AnswerSupport
  readonly #lost: Set<string>
  readonly #choices = new Map<number, OpenChoice>()

  constructor(support: AnswerSupport, lost: Set<string>) {
    this.#support = support
    this.#lost = lost
  }

  note(event: ChatEvent): void {
    if (isOfPart(event)) this.#noteOfPart(event)
    else if (event.type === 'foreign' && event.isShown) this.#need('foreign')
    else if (event.type === 'finish') {
      if (event.reason === 'other') this.#need('other-finish')
      if (event.stopSequence !== undefined) this.#need('stop-sequence')
      this.#noteExtra('answer', event.extra)
    }
  }

  #noteOfPart(event: GrowingEvent): void {
    const choice = this.#choiceAt(event.choice)
    const part = choice.parts.get(event.part) ?? this.#open(choice, event)
    if (!part.hasContent && bringsContent(event)) this.#noteContent(choice, part)
    if (event.logprobs !== undefined) this.#need('logprobs')
    this.#noteExtra(part.name, event.extra)
    if ('annotations' in event) this.#noteAnnotations(event.annotations ?? [])
    if (event.type === 'part-end') choice.parts.delete(event.part)
  }

  #choiceAt(index: number): OpenChoice {
    const known = this.#choices.get(index)
    if (known) return known
    const choice = { parts: new Map<number, OpenPart>(), turn: 0 }
    this.#choices.set(index, choice)
    return choice
  }

  #open(choice: OpenChoice, event: GrowingEvent): OpenPart {
    const part = { name: memberOf(event), hasContent: false }
    choice.parts.set(event.part, part)
    return part
  }

  /** Notes the first content of a part. A part without content can only lose its extra data. */
  #noteContent(choice: OpenChoice, part: OpenPart): void {
    part.hasContent = true
    this.#need(part.name)
    const turn = turns.indexOf(part.name)
    if (turn === -1) return
    if (turn < choice.turn) this.#need('order')
    choice.turn = Math.max(turn, choice.turn)
  }

  #noteAnnotations(annotations: readonly { readonly extra?: Extras }[]): void {
    if (annotations.length > 0) this.#need('annotations')
    for (const { extra } of annotations) this.#noteExtra('annotations', extra)
  }

  #need(member: AnswerMember): void {
    if (!this.#support.members.has(member)) this.#add(member)
  }

  /** Notes extra data that only another dialect understands. */
  #noteExtra(of: string, extra: Extras | undefined): void {
    if (!extra) return
    for (const [dialect, fields] of Object.entries(extra)) {
      if (dialect === this.#support.dialect) continue
      // a name may come from the upstream, so only simple ones go into a log and a header
      for (const field of Object.keys(fields)) this.#add(`${of}.${/^\w{1,48}$/.test(field) ? field : 'extra'}`)
    }
  }

  #add(name: string): void {
    if (this.#lost.size < maxLosses) this.#lost.add(name)
  }
}

/** The order of kinds in a dialect that does not keep the order of parts. */
const turns: readonly AnswerMember[] = ['reasoning', 'text', 'refusal', 'tool-call']

/** Whether an event has content, and does not only open or end its part. */
function bringsContent(event: GrowingEvent): boolean {
  return 'text' in event ? event.text !== '' : event.type !== 'part-end'
}

/** The kind of the part that an event belongs to. A part that is first seen at its end was relayed in the client's own dialect. */
function memberOf(event: GrowingEvent): AnswerMember {
  switch (event.type) {
    case 'tool-arguments':
      return 'tool-call'
    case 'part-end':
      return 'text'
    case 'file':
      return event.file.type
    default:
      return event.type
  }
}

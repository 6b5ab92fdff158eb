import { type ChatEvent, isOfPart } from '../chat/event.ts'
import type { Extras, Part } from '../chat/message.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { Batch, Flow } from './flow.ts'
import type { GrowingEvent } from './growing-part.ts'
import { type Watcher, watch } from './watch.ts'

/** Something that an answer may have and a dialect may be unable to express: a type of part, or another feature. */
export type AnswerMember =
  | Part['type']
  | 'order'
  | 'annotations'
  | 'logprobs'
  | 'stop-sequence'
  | 'other-finish'
  | 'extra'

/** The members of an answer that a dialect can express. */
export interface AnswerSupport {
  /** The dialect's name. Events with native chunks of this dialect lose nothing. */
  readonly dialect: string
  /**
   * `order`: the dialect keeps the order of all parts. Without it, all reasoning, texts, refusals and tool calls are
   * grouped by type. `other-finish`: the dialect can express the finish reason `other`. `extra`: its clients keep the extra data
   * of reasoning, tool calls and the answer, whose dialect does not matter.
   */
  readonly members: ReadonlySet<AnswerMember>
}

/**
 * Returns the flow with the same events. It notes each member of the answer that the client's dialect cannot express:
 * a type of part, for example, or `reasoning.signature`, which is extra data of another dialect. It skips an event
 * with a native chunk of the client's dialect, because such an event loses nothing.
 * @param lost the receipt's set of names, to which the flow adds
 */
export function noteLosses(flow: Flow, support: AnswerSupport, lost: Set<string>): Flow {
  return watch(flow, new LossWatcher(support, lost))
}

/**
 * Notes the parts of a request that only another dialect knows, for an upstream that passes over them.
 * @param dialect the upstream's
 */
export function noteForeignParts({ messages }: ChatRequest, dialect: string, lost: Set<string>): void {
  for (const { content } of messages)
    for (const part of content)
      if (part.type === 'foreign' && !part.extra[dialect])
        lost.add(/^\w{1,48}$/.test(part.name) ? part.name : 'foreign')
}

/** Watches one answer. Its notes begin with the first event that may lose something. */
class LossWatcher implements Watcher {
  readonly #support: AnswerSupport
  readonly #lost: Set<string>
  #losses: Losses | undefined

  constructor(support: AnswerSupport, lost: Set<string>) {
    this.#support = support
    this.#lost = lost
  }

  onBatch(batch: Batch): void {
    for (const event of batch) {
      if (event.native?.dialect === this.#support.dialect || event.type === 'usage') continue
      this.#losses ??= new Losses(this.#support, this.#lost)
      this.#losses.note(event)
    }
  }
}

interface OpenPart {
  readonly name: AnswerMember
  /** Whether the part has had any content. */
  hasContent: boolean
}

interface OpenChoice {
  readonly parts: Map<number, OpenPart>
  /** The highest position in `turns` of the content so far. */
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
    if (!part.hasContent && bringsContent(event)) this.#noteContent(choice, part, event.extra)
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

  /** Notes the first content of a part. A part without content can only lose its extra data, and one of the client's dialect loses nothing. */
  #noteContent(choice: OpenChoice, part: OpenPart, extra: Extras | undefined): void {
    part.hasContent = true
    if (!extra?.[this.#support.dialect]) this.#need(part.name)
    const turn = turns.indexOf(part.name)
    if (turn === -1) return
    if (turn < choice.turn) this.#need('order')
    choice.turn = Math.max(turn, choice.turn)
  }

  #noteAnnotations(annotations: readonly { readonly extra?: Extras }[]): void {
    if (annotations.some(({ extra }) => !extra?.[this.#support.dialect])) this.#need('annotations')
    for (const { extra } of annotations) this.#noteExtra('annotations', extra)
  }

  #need(member: AnswerMember): void {
    if (!this.#support.members.has(member)) this.#add(member)
  }

  /** Notes extra data that only another dialect understands. */
  #noteExtra(of: string, extra: Extras | undefined): void {
    if (!extra || (returned.has(of) && this.#support.members.has('extra'))) return
    for (const [dialect, fields] of Object.entries(extra)) {
      if (dialect === this.#support.dialect || dialect === 'origin') continue
      // a name may come from the upstream, so only simple ones go into a log and a header
      for (const field of Object.keys(fields)) this.#add(`${of}.${/^\w{1,48}$/.test(field) ? field : 'extra'}`)
    }
  }

  #add(name: string): void {
    if (this.#lost.size < maxLosses) this.#lost.add(name)
  }
}

/** What clients bring back as a whole, so that its extra data is useful. */
const returned: ReadonlySet<string> = new Set(['reasoning', 'tool-call', 'answer'])

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

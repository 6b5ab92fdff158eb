import type { ChatEvent, Usage } from '../chat/event.ts'
import type { AnyEvent } from '../flow/begin.ts'
import type { Batch } from '../flow/flow.ts'
import { Fold } from '../flow/fold.ts'
import { addUsage, finishWord } from './attempt-attributes.ts'
import type { SpanData } from './span-data.ts'
import { maxTexts, outputMessages } from './texts.ts'

/** Watches the answer of an attempt for what its span shows. */
export class AnswerWatch {
  readonly #fold: Fold | undefined
  readonly #finishes: string[] = []
  #usage: Usage | undefined

  /** @param keepsTexts whether the span shows the texts of the answer. Only chats have them */
  constructor(keepsTexts: boolean) {
    // more than is shown, so that no secret is cut in two before it is found
    this.#fold = keepsTexts ? new Fold({ maxCharacters: 2 * maxTexts }) : undefined
  }

  add(batch: Batch<AnyEvent>): void {
    for (const event of batch) {
      if (event.type === 'finish' || event.type === 'usage') this.#note(event)
      if (this.#fold && isOfChat(event)) this.#fold.add(event)
    }
  }

  /** Adds what was seen to the span. */
  describe(span: SpanData): void {
    if (this.#finishes.length > 0) span.attributes['gen_ai.response.finish_reasons'] = this.#finishes
    if (this.#usage) addUsage(span.attributes, this.#usage)
    const choices = this.#fold?.choices ?? []
    if (choices.length > 0) span.addText('gen_ai.output.messages', outputMessages(choices))
  }

  #note(event: AnyEvent): void {
    if (isFinish(event)) this.#finishes[event.choice] = finishWord(event.reason)
    else if (isUsage(event)) this.#usage = event.usage
  }
}

function isFinish(event: AnyEvent): event is Extract<ChatEvent, { readonly type: 'finish' }> {
  return event.type === 'finish'
}

function isUsage(event: AnyEvent): event is Extract<ChatEvent, { readonly type: 'usage' }> {
  return event.type === 'usage'
}

/** An attempt for a chat has no other events. */
function isOfChat(_event: AnyEvent): _event is ChatEvent {
  return true
}

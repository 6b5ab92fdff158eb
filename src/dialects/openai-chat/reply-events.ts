import type { ChatEvent, ForeignEvent, Native, Usage } from '../../chat/event.ts'
import type { ConcludedChoice } from './choice-reader.ts'
import { saysForeign } from './contents.ts'
import type { WireChoice } from './wire-reply.ts'

/** A reply as it came, and its usage. */
export interface ReceivedReply {
  readonly native: Native
  readonly usage: Usage | undefined
}

/** Maximum number of chunks that wait for an event to carry them. */
const maxAside = 16

/** Attaches the chunks to relay to the events of an answer. */
export class ReplyEvents {
  /** Chunks without content before the answer or after its end, such as Azure's filter results. */
  readonly #aside: Native[] = []
  /** Usage that came after the end of every choice. */
  #late: { readonly native: Native; readonly usage: Usage } | undefined

  /** Returns the events of a chunk, with the original or repaired chunk to relay. */
  ofChunk(
    concluded: readonly ConcludedChoice[],
    wires: readonly WireChoice[],
    { native, usage }: ReceivedReply,
  ): readonly ChatEvent[] {
    const isRight = concluded.length === wires.length && concluded.every(({ relay }, at) => relay === wires[at]?.raw)
    const relays = concluded.map(({ relay }) => relay)
    const isShared = (usage ? 1 : 0) + concluded.reduce((sum, choice) => sum + choice.events.length, 0) > 1
    const relayed = isRight ? asShared(native, isShared) : replaceChoices(native, relays)
    const first = concluded[0]?.index ?? 0
    const events: ChatEvent[] = this.#aside.splice(0).map((each) => blankEvent(first, each))
    const isBlank = !usage && concluded.every((choice) => choice.events.length === 0)
    if (isBlank) {
      const isShown = wires.some(({ said }) => saysForeign(said))
      events.push({ ...blankEvent(first, relayed), isShown })
    }
    for (const choice of concluded) for (const event of choice.events) events.push({ ...event, native: relayed })
    if (usage) events.push(...this.ofUsage(relayed, usage))
    return events
  }

  /** Returns usage events. They carry the chunks that were kept, because only usage may come after a finish. */
  ofUsage(native: Native, usage: Usage): readonly ChatEvent[] {
    this.#late = undefined
    return [...this.#aside.splice(0), native].map((each) => ({ type: 'usage', choice: 0, usage, native: each }))
  }

  /**
   * Returns the events of all ends, and then the usage that came after them.
   * @param ends makes the events of the ends. They do not carry the chunks that were kept since
   */
  ofEnds(ends: () => readonly ChatEvent[]): readonly ChatEvent[] {
    const late = this.#late
    const after = late ? this.#aside.splice(0) : []
    const events = ends()
    this.#aside.push(...after)
    return late ? [...events, ...this.ofUsage(late.native, late.usage)] : events
  }

  /** Keeps usage until after the end. */
  keepUsage(native: Native, usage: Usage): void {
    this.#late = { native, usage }
  }

  keepAside(native: Native): void {
    if (this.#aside.length < maxAside) this.#aside.push(native)
  }
}

/** Makes an event that shows nothing and carries a chunk. */
export function blankEvent(choice: number, native: Native): ForeignEvent {
  return { type: 'foreign', choice, isShown: false, native }
}

function asShared(native: Native, isShared: boolean): Native {
  return isShared && native.json !== undefined ? { ...native, isShared } : native
}

/** Replaces the choices. The JSON is dropped, because it no longer matches. */
export function replaceChoices({ json: _, ...native }: Native, choices: readonly object[]): Native {
  return { ...native, value: { ...native.value, choices } }
}

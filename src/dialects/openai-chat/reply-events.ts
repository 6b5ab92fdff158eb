import type { ChatEvent, ForeignEvent, Native, Usage } from '../../chat/event.ts'
import type { ConcludedChoice } from './choice-reader.ts'
import { saysForeign } from './contents.ts'
import type { WireChoice } from './wire-reply.ts'

/** A reply as it came, and its usage. */
export interface ReceivedReply {
  readonly native: Native
  readonly usage: Usage | undefined
}

/** Chunks that are kept until an event can carry them. */
const maxAside = 16

/** Gives the events of an answer the chunks to relay with them. */
export class ReplyEvents {
  /** Chunks that add nothing to an answer, before it begins or after its end, such as Azure's filter results. */
  readonly #aside: Native[] = []
  /** Usage that came after every answer's end, which it follows. */
  #late: { readonly native: Native; readonly usage: Usage } | undefined

  /** The events of a chunk, with the chunk to relay: as it came, or put right. */
  ofChunk(
    concluded: readonly ConcludedChoice[],
    wires: readonly WireChoice[],
    { native, usage }: ReceivedReply,
  ): readonly ChatEvent[] {
    const isRight = concluded.length === wires.length && concluded.every(({ relay }, at) => relay === wires[at]?.raw)
    const relays = concluded.map(({ relay }) => relay)
    const isShared = (usage ? 1 : 0) + concluded.reduce((sum, choice) => sum + choice.events.length, 0) > 1
    const relayed = isRight ? asShared(native, isShared) : withChoices(native, relays)
    const first = concluded[0]?.index ?? 0
    const events: ChatEvent[] = this.#aside.splice(0).map((each) => blank(first, each))
    const isBlank = !usage && concluded.every((choice) => choice.events.length === 0)
    if (isBlank) {
      const isShown = wires.some(({ said }) => saysForeign(said))
      events.push({ ...blank(first, relayed), isShown })
    }
    for (const choice of concluded) for (const event of choice.events) events.push({ ...event, native: relayed })
    if (usage) events.push(...this.ofUsage(relayed, usage))
    return events
  }

  /** Nothing but usage may come after a finish: what was kept since then goes out with it. */
  ofUsage(native: Native, usage: Usage): readonly ChatEvent[] {
    this.#late = undefined
    return [...this.#aside.splice(0), native].map((each) => ({ type: 'usage', choice: 0, usage, native: each }))
  }

  /**
   * The events of all ends, and after them the usage that came after them.
   * @param ends makes the events of the ends, none of which carries what was kept since
   */
  ofEnds(ends: () => readonly ChatEvent[]): readonly ChatEvent[] {
    const late = this.#late
    const after = late ? this.#aside.splice(0) : []
    const events = ends()
    this.#aside.push(...after)
    return late ? [...events, ...this.ofUsage(late.native, late.usage)] : events
  }

  /** Usage that waits for the end. */
  keepUsage(native: Native, usage: Usage): void {
    this.#late = { native, usage }
  }

  keepAside(native: Native): void {
    if (this.#aside.length < maxAside) this.#aside.push(native)
  }
}

/** An event that shows nothing, and carries a chunk. */
export function blank(choice: number, native: Native): ForeignEvent {
  return { type: 'foreign', choice, isShown: false, native }
}

function asShared(native: Native, isShared: boolean): Native {
  return isShared && native.json !== undefined ? { ...native, isShared } : native
}

/** Its JSON says something else then. */
export function withChoices({ json: _, ...native }: Native, choices: readonly object[]): Native {
  return { ...native, value: { ...native.value, choices } }
}

import { type ChatEvent, isOfPart } from '../../src/chat/event.ts'

/** Checks law 1 for parts. @returns what is wrong with the first event that breaks it, or undefined */
export function partFaultIn(events: readonly ChatEvent[]): string | undefined {
  const choices = new Map<number, PartOrder>()
  for (const [at, event] of events.entries()) {
    if (event.type === 'usage') continue
    const order = choices.get(event.choice) ?? new PartOrder()
    choices.set(event.choice, order)
    const fault = order.take(event)
    if (fault) return `${fault} (event ${at} of choice ${event.choice}, ${event.type})`
  }
  return undefined
}

/** Checks the parts of one choice as they come. */
class PartOrder {
  #next = 0
  readonly #open = new Map<number, ChatEvent['type']>()

  take(event: ChatEvent): string | undefined {
    if (event.type === 'finish') return this.#open.size > 0 ? 'a part is open at the finish' : undefined
    if (!isOfPart(event)) return undefined
    const { type, part } = event
    const opened = this.#open.get(part)
    if (type === 'part-end') return this.#open.delete(part) ? undefined : 'an end of a part that is not open'
    if (opened === undefined) return this.#openPart(event.type, part)
    const isSame = type === opened || (type === 'tool-arguments' && opened === 'tool-call')
    return isSame && type !== 'tool-call' ? undefined : `${type} in a part of type ${opened}`
  }

  #openPart(type: ChatEvent['type'], part: number): string | undefined {
    if (part !== this.#next) return `part ${part} opens where ${this.#next} is due`
    this.#next++
    if (type === 'tool-arguments') return 'arguments without a call'
    if ([...this.#open.values()].some((other) => other !== 'tool-call'))
      return 'a part opens before the one before it ends'
    this.#open.set(part, type)
    return undefined
  }
}

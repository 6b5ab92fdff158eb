import type { ChatEvent } from '../../chat/event.ts'
import { compact } from './fields.ts'
import type { WireToolDelta } from './schema.ts'

interface OpenCall {
  readonly id: string
  readonly name: string
  /** The upstream's own words for it: what later deltas refer to. */
  readonly wireId: string | undefined
  readonly wireIndex: number | undefined
  json: string
}

type ToolEvent = Extract<ChatEvent, { type: 'tool-call' | 'tool-arguments' }>

/** What one delta says, with `index` and `id` put right, and the delta to relay in its place if it was wrong. */
export interface ReadToolDelta {
  readonly events: readonly ToolEvent[]
  readonly repaired: object | undefined
}

/**
 * The calls of one choice, as they grow. Upstreams leave out `index` or `id`, repeat them, or lie: all calls at index
 * 0, a fresh id for every delta. A delta continues the call its id names; else the one at its index, unless it opens
 * another (a new name, or the arguments so far are complete); without both it continues the last call.
 */
export class ToolCalls {
  readonly #choice: number
  readonly #newId: () => string
  readonly #calls: OpenCall[] = []

  constructor(choice: number, newId: () => string) {
    this.#choice = choice
    this.#newId = newId
  }

  get count(): number {
    return this.#calls.length
  }

  read(delta: WireToolDelta): ReadToolDelta {
    const called = delta.function ?? delta.custom
    const name = called?.name || undefined
    const json = argumentsText(delta.function ? delta.function.arguments : delta.custom?.input)
    const known = this.#find(delta, name)
    const at = known === undefined ? this.#open(delta, name ?? '') : known
    const call = this.#calls[at]
    if (!call) return { events: [], repaired: undefined }
    call.json += json
    const events: ToolEvent[] = []
    if (known === undefined)
      events.push({ type: 'tool-call', choice: this.#choice, index: at, id: call.id, name: call.name })
    if (json !== '') events.push({ type: 'tool-arguments', choice: this.#choice, index: at, json })
    return {
      events,
      repaired: isTrue(delta, at, call, known === undefined)
        ? undefined
        : repair(delta, { at, call, json, opens: known === undefined }),
    }
  }

  /** A call of a whole message: nothing follows it, so it is complete as it stands. */
  whole(call: WireToolDelta): ReadToolDelta {
    const called = call.function ?? call.custom
    const index = this.#open({ id: call.id }, called?.name ?? '')
    const opened = this.#calls[index]
    if (!opened) return { events: [], repaired: undefined }
    const json = argumentsText(call.function ? call.function.arguments : call.custom?.input) || '{}'
    opened.json = json
    const events: ToolEvent[] = [
      { type: 'tool-call', choice: this.#choice, index, id: opened.id, name: opened.name },
      { type: 'tool-arguments', choice: this.#choice, index, json },
    ]
    const isRight = opened.id === call.id && (call.custom || call.function?.arguments === json)
    return {
      events,
      repaired: isRight
        ? undefined
        : { ...call, id: opened.id, type: 'function', function: { ...call.function, arguments: json } },
    }
  }

  /** A call without parameters often has no arguments at all, which is no JSON: at the end such a call gets `{}`. */
  completeEmpty(): ToolEvent[] {
    return this.#calls.flatMap((call, index) =>
      call.json === '' ? [{ type: 'tool-arguments', choice: this.#choice, index, json: '{}' } as const] : [],
    )
  }

  #find(delta: WireToolDelta, name: string | undefined): number | undefined {
    const byId = delta.id ? this.#calls.findIndex((call) => call.wireId === delta.id) : -1
    if (byId !== -1) return byId
    const at = this.#candidate(delta)
    const candidate = at === undefined ? undefined : this.#calls[at]
    if (!candidate || !name) return at
    const opensAnother = (delta.id && candidate.wireId) || name !== candidate.name || isComplete(candidate.json)
    return opensAnother ? undefined : at
  }

  /** The latest call at the delta's index, or without an index the latest of all. */
  #candidate(delta: WireToolDelta): number | undefined {
    const index = delta.index
    const at =
      typeof index === 'number' ? this.#calls.findLastIndex((call) => call.wireIndex === index) : this.#calls.length - 1
    return at === -1 ? undefined : at
  }

  #open(delta: WireToolDelta, name: string): number {
    const id = delta.id && !this.#calls.some((call) => call.id === delta.id) ? delta.id : this.#newId()
    return (
      this.#calls.push({ id, name, wireId: delta.id ?? undefined, wireIndex: delta.index ?? undefined, json: '' }) - 1
    )
  }
}

function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === null || value === undefined ? '' : JSON.stringify(value)
}

function isComplete(json: string): boolean {
  try {
    JSON.parse(json)
    return true
  } catch {
    return false
  }
}

/** Whether the delta already says what it should: then it can be relayed as it came. */
function isTrue(delta: WireToolDelta, at: number, call: OpenCall, opens: boolean): boolean {
  const rightIndex = delta.index === at
  const rightId = opens ? delta.id === call.id : !delta.id || delta.id === call.id
  const wholeText = !delta.function || typeof (delta.function.arguments ?? '') === 'string'
  return rightIndex && rightId && wholeText
}

interface Repair {
  readonly at: number
  readonly call: OpenCall
  readonly json: string
  readonly opens: boolean
}

function repair(delta: WireToolDelta, { at, call, json, opens }: Repair): object {
  if (delta.custom) return compact({ ...delta, index: at, id: opens ? call.id : undefined })
  const name = opens ? call.name : undefined
  return compact({
    ...delta,
    index: at,
    id: opens ? call.id : undefined,
    type: opens ? 'function' : undefined,
    function: compact({ ...delta.function, name, arguments: json }),
  })
}

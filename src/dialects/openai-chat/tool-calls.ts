import type { ChatEvent } from '../../chat/event.ts'
import type { PartWriter } from '../../chat/part-writer.ts'
import { type JsonProgress, noJson, progressed } from '../../wire/json-progress.ts'
import { maxCalls, tooManyCalls } from '../../wire/reply-limits.ts'
import { wholeCharacters } from './characters.ts'
import { ownExtra } from './fields.ts'
import { extraOfCall, type Gathered, gather, nothing } from './handed-back.ts'
import { openingDelta, relayedDelta, type ToolKind, wholeCall } from './tool-deltas.ts'
import type { WireToolDelta } from './wire-calls.ts'

interface OpenToolCall {
  readonly kind: ToolKind
  readonly id: string
  /** The upstream's own word for it: what later deltas refer to. */
  readonly wireId: string | undefined
  name: string
  /** Among the calls that have a name; undefined until it has one. */
  index: number | undefined
  /** Of the answer, once it has an index. */
  part: number
  /** Arguments that came before the name. */
  early: string
  isEmpty: boolean
  /** Whether later deltas say its name again. */
  isRepeated: boolean
  progress: JsonProgress
  /** What it has to be handed back with. */
  gathered: Gathered
  half: string
}

/** What one delta says, with `index` and `id` put right. */
export interface ReadToolDelta {
  readonly events: readonly ChatEvent[]
  /** The delta itself if it was right, else as it should have been; undefined where there is nothing to relay yet. */
  readonly relay: object | undefined
}

/** What a delta adds to its call. */
interface CallGrowth {
  readonly isNew: boolean
  readonly json: string
  readonly hasExtra?: boolean
}

/** What a delta says of its call, in our own types. */
interface ReadDelta {
  readonly kind: ToolKind
  readonly id: string | undefined
  readonly index: number | undefined
  readonly name: string | undefined
  readonly json: string
}

/** Calls that a reply may still open, in all its choices. */
export interface CallBudget {
  left: number
}

/**
 * The calls of one choice, as they grow. Upstreams leave out `index`, `id` or `type`, repeat them with the name in every
 * delta, or lie: all calls at index 0, a fresh id for every delta, the name after the id. A delta continues the call its
 * id names, else the one at its index, else the last; unless it has a name and cannot belong to that call.
 */
export class ToolCalls {
  readonly #writer: PartWriter
  readonly #newId: () => string
  readonly #budget: CallBudget
  readonly #calls: OpenToolCall[] = []
  /** Those whose arguments are complete, and whose parts have yet to end. */
  readonly #whole = new Set<OpenToolCall>()
  /** The latest call of each of the upstream's own ids and indices: looking one up must not cost more with every call. */
  readonly #byWireId = new Map<string, OpenToolCall>()
  readonly #byWireIndex = new Map<number, OpenToolCall>()
  readonly #ids = new Set<string>()
  #named = 0

  constructor(writer: PartWriter, newId: () => string, budget: CallBudget = { left: maxCalls }) {
    this.#writer = writer
    this.#newId = newId
    this.#budget = budget
  }

  get count(): number {
    return this.#calls.length
  }

  read(delta: WireToolDelta): ReadToolDelta {
    const said = saidOf(delta)
    const known = this.#find(said)
    if (!known && isNothing(said)) return { events: [], relay: undefined }
    const call = known ?? this.#open(said)
    if (known?.name && said.name) known.isRepeated = true
    if (said.name) call.name ||= said.name
    const json = grow(call, said.json)
    const hasExtra = gatherExtra(call, delta)
    if (call.name === '') {
      call.early += json
      return { events: [], relay: undefined }
    }
    const index = call.index ?? this.#named++
    const isNew = call.index === undefined
    call.index = index
    const full = isNew ? call.early + json : json
    const written = { index, kind: call.kind, json: full, ...(isNew && { opens: { id: call.id, name: call.name } }) }
    const events = this.#events(call, { isNew, json: full, hasExtra })
    if (call.kind === 'function' && call.progress.isWhole && call.half === '') this.#whole.add(call)
    return { events, relay: relayedDelta(delta, written) }
  }

  /** A call of a whole message: nothing follows it, so it is complete as it stands. */
  whole(delta: WireToolDelta): ReadToolDelta {
    const said = saidOf(delta)
    if (isNothing(said)) return { events: [], relay: undefined }
    const call = this.#open(said)
    call.index = this.#named++
    call.name = said.name ?? ''
    call.isEmpty = false
    gatherExtra(call, delta)
    const json = said.json.toWellFormed() || (said.kind === 'function' ? '{}' : '')
    return {
      events: [...this.#events(call, { isNew: true, json }), ...this.#writer.endCall(call.part)],
      relay: wholeCall(delta, { kind: said.kind, id: call.id, json }),
    }
  }

  /**
   * What the calls still lack when the answer ends. One without parameters often has no arguments at all, which is no
   * JSON: it gets `{}`.
   */
  close(): ReadToolDelta[] {
    return this.#calls.flatMap((call) => {
      const isNew = call.index === undefined
      const index = call.index ?? this.#named++
      call.index = index
      const missing = call.isEmpty && call.kind === 'function' ? '{}' : call.half.toWellFormed()
      const json = isNew ? call.early + missing : missing
      call.isEmpty = false
      call.half = ''
      if (!isNew && json === '') return []
      const opens = isNew && { opens: { id: call.id, name: call.name } }
      const relay = openingDelta({ index, kind: call.kind, json, ...opens })
      return [{ events: this.#events(call, { isNew, json }), relay }]
    })
  }

  /** The ends of calls whose arguments are complete: something else is said now. */
  endWhole(): ChatEvent[] {
    if (this.#whole.size === 0) return []
    const ended = [...this.#whole].flatMap(({ part }) => this.#writer.endCall(part))
    this.#whole.clear()
    return ended
  }

  #events(call: OpenToolCall, { isNew, json, hasExtra }: CallGrowth): ChatEvent[] {
    const writer = this.#writer
    const { id, name } = call
    const { extra } = ownExtra(call.gathered.fields)
    const isLate = !isNew && hasExtra === true
    const opened = isNew ? [...this.endWhole(), ...writer.toolCall({ id, name, ...(extra && { extra }) })] : []
    if (isNew) call.part = writer.latestPart
    if (json === '' && !isLate) return opened
    return [...opened, ...writer.toolArguments(call.part, json, isLate ? extra : undefined)]
  }

  #find(said: ReadDelta): OpenToolCall | undefined {
    const byId = said.id === undefined ? undefined : this.#byWireId.get(said.id)
    const candidate = byId ?? this.#at(said)
    if (!candidate || !said.name || candidate.name === '') return candidate
    return opensAnother(candidate, said) ? undefined : candidate
  }

  /** The latest call at the delta's index; the last of all where it has none, or an index no call bears and no name. */
  #at({ index, name, id }: ReadDelta): OpenToolCall | undefined {
    if (index === undefined) return this.#calls.at(-1)
    const found = this.#byWireIndex.get(index)
    return found ?? (name || id !== undefined ? undefined : this.#calls.at(-1))
  }

  /** @throws ChatError where the reply has opened as many as it may */
  #open({ kind, id, index }: ReadDelta): OpenToolCall {
    if (--this.#budget.left < 0) throw tooManyCalls()
    const isFree = id !== undefined && !this.#ids.has(id)
    const call: OpenToolCall = {
      kind,
      id: isFree ? id : this.#newId(),
      wireId: id,
      name: '',
      index: undefined,
      part: -1,
      early: '',
      isEmpty: true,
      isRepeated: false,
      progress: noJson,
      gathered: nothing,
      half: '',
    }
    this.#calls.push(call)
    this.#ids.add(call.id)
    if (id !== undefined) this.#byWireId.set(id, call)
    if (index !== undefined) this.#byWireIndex.set(index, call)
    return call
  }
}

/** Whether a delta with a name opens a call of its own beside the one it seems to continue. */
function opensAnother(call: OpenToolCall, { id, name, json, kind }: ReadDelta): boolean {
  if (name !== call.name) return true
  const isFresh = id !== undefined && call.wireId !== undefined && id !== call.wireId
  if (kind === 'custom') return isFresh
  // the last delta of a call whose name is said over and over may well be empty
  if (call.progress.isWhole) return json.trim() !== '' || !call.isRepeated
  // a call without arguments, and another of the same function; with arguments under way, an id that changes is a lie
  return isFresh && call.isEmpty && (json === '' || progressed(noJson, json).isWhole)
}

/** @returns whether the delta says more than the vocabulary has words for */
function gatherExtra(call: OpenToolCall, delta: WireToolDelta): boolean {
  const extra = extraOfCall(delta)
  if (extra) call.gathered = gather(call.gathered, extra)
  return extra !== undefined
}

/** A delta that no call can be made of. */
function isNothing({ id, name, json }: ReadDelta): boolean {
  return id === undefined && name === undefined && json === ''
}

function grow(call: OpenToolCall, piece: string): string {
  if (piece === '') return ''
  call.isEmpty = false
  call.progress = progressed(call.progress, piece)
  const { text, half } = wholeCharacters(call.half, piece)
  call.half = half
  return text
}

function saidOf(delta: WireToolDelta): ReadDelta {
  const kind = !delta.function && delta.custom ? 'custom' : 'function'
  const called = kind === 'custom' ? delta.custom : delta.function
  return {
    kind,
    id: delta.id === '' || delta.id === null || delta.id === undefined ? undefined : String(delta.id),
    index: delta.index ?? undefined,
    name: called?.name || undefined,
    json: argumentsText(kind === 'custom' ? delta.custom?.input : delta.function?.arguments),
  }
}

/** Ollama's own API and some Mistral models give the arguments as an object. */
function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === null || value === undefined ? '' : JSON.stringify(value)
}

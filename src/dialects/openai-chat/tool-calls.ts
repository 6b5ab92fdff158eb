import type { ChatEvent } from '../../chat/event.ts'
import type { PartWriter } from '../../chat/part-writer.ts'
import { type JsonProgress, noJson, progressed } from '../../wire/json-progress.ts'
import { maxCalls, tooManyCalls } from '../../wire/reply-limits.ts'
import { wholeCharacters } from './characters.ts'
import { extraOfCall, type Gathered, gather, nothing } from './handed-back.ts'
import { ownExtra } from './own-extra.ts'
import { isEmptyDelta, type ReadDelta, toReadDelta } from './read-delta.ts'
import { openingDelta, relayedDelta, type ToolKind, wholeCall } from './tool-deltas.ts'
import type { WireToolDelta } from './wire-calls.ts'

interface OpenToolCall {
  readonly kind: ToolKind
  readonly id: string
  /** The upstream's own id of the call. Later deltas refer to it. */
  readonly wireId: string | undefined
  name: string
  /** Its number among the calls with a name; undefined until it has a name. */
  index: number | undefined
  /** The number of its part, once it has an index. */
  part: number
  /** Arguments that came before the name. */
  early: string
  isEmpty: boolean
  /** Whether later deltas repeat its name. */
  isRepeated: boolean
  progress: JsonProgress
  /** The fields that must be sent back with the call. */
  gathered: Gathered
  /** A high surrogate at the end of the last delta. */
  half: string
}

/** The events of one delta, with repaired `index` and `id`. */
export interface ReadToolDelta {
  readonly events: readonly ChatEvent[]
  /** The original or repaired delta; undefined if there is nothing to relay yet. */
  readonly relay: object | undefined
}

/** The content that a delta adds to its call. */
interface CallGrowth {
  readonly isNew: boolean
  readonly json: string
  readonly hasExtra?: boolean
}

/** Number of calls that a reply may still open in all its choices. */
export interface CallBudget {
  left: number
}

/**
 * Reads the tool calls of one choice. Upstreams leave out `index`, `id` or `type`, repeat them with the name in every delta,
 * or send wrong ones: index 0 for all calls, a new id with every delta, the name after the id. A delta continues the call
 * with its id, else the call at its index, else the last call. A delta whose name does not fit that call opens a new one.
 */
export class ToolCalls {
  readonly #writer: PartWriter
  readonly #newId: () => string
  readonly #budget: CallBudget
  readonly #calls: OpenToolCall[] = []
  /** Calls whose arguments are complete, but whose parts are still open. */
  readonly #complete = new Set<OpenToolCall>()
  /** The latest call for each of the upstream's ids and indexes, so that a lookup is fast. */
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
    const fields = toReadDelta(delta)
    const known = this.#find(fields)
    if (!known && isEmptyDelta(fields)) return { events: [], relay: undefined }
    const call = known ?? this.#open(fields)
    if (known?.name && fields.name) known.isRepeated = true
    if (fields.name) call.name ||= fields.name
    const json = addArguments(call, fields.json)
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
    if (call.kind === 'function' && call.progress.isWhole && call.half === '') this.#complete.add(call)
    return { events, relay: relayedDelta(delta, written) }
  }

  /** Reads a call of a whole message, which is always complete. */
  whole(delta: WireToolDelta): ReadToolDelta {
    const fields = toReadDelta(delta)
    if (isEmptyDelta(fields)) return { events: [], relay: undefined }
    const call = this.#open(fields)
    call.index = this.#named++
    call.name = fields.name ?? ''
    call.isEmpty = false
    gatherExtra(call, delta)
    const json = fields.json.toWellFormed() || (fields.kind === 'function' ? '{}' : '')
    return {
      events: [...this.#events(call, { isNew: true, json }), ...this.#writer.endCall(call.part)],
      relay: wholeCall(delta, { kind: fields.kind, id: call.id, json }),
    }
  }

  /**
   * Returns what the calls still lack at the end of the answer. A call without arguments gets `{}`, because an empty text is
   * not valid JSON.
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

  /** Ends the calls whose arguments are complete, because other content follows. */
  endWhole(): ChatEvent[] {
    if (this.#complete.size === 0) return []
    const ended = [...this.#complete].flatMap(({ part }) => this.#writer.endCall(part))
    this.#complete.clear()
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

  #find(fields: ReadDelta): OpenToolCall | undefined {
    const byId = fields.id === undefined ? undefined : this.#byWireId.get(fields.id)
    const candidate = byId ?? this.#at(fields)
    if (!candidate || !fields.name || candidate.name === '') return candidate
    return opensAnother(candidate, fields) ? undefined : candidate
  }

  /** Returns the latest call at the delta's index. It returns the last call if the delta has no index, or an unknown index without id and name. */
  #at({ index, name, id }: ReadDelta): OpenToolCall | undefined {
    if (index === undefined) return this.#calls.at(-1)
    const found = this.#byWireIndex.get(index)
    return found ?? (name || id !== undefined ? undefined : this.#calls.at(-1))
  }

  /** @throws ChatError if the reply opens too many calls */
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

/** Whether a delta with a name opens a new call instead of continuing this one. */
function opensAnother(call: OpenToolCall, { id, name, json, kind }: ReadDelta): boolean {
  if (name !== call.name) return true
  const hasNewId = id !== undefined && call.wireId !== undefined && id !== call.wireId
  if (kind === 'custom') return hasNewId
  // if every delta repeats the name, the last one may be empty
  if (call.progress.isWhole) return json.trim() !== '' || !call.isRepeated
  // a new id opens another call of the same function, unless the arguments are still incomplete: then the id is wrong
  return hasNewId && call.isEmpty && (json === '' || progressed(noJson, json).isWhole)
}

/** Gathers the fields of a delta that must be sent back. @returns whether there are any */
function gatherExtra(call: OpenToolCall, delta: WireToolDelta): boolean {
  const extra = extraOfCall(delta)
  if (extra) call.gathered = gather(call.gathered, extra)
  return extra !== undefined
}

function addArguments(call: OpenToolCall, piece: string): string {
  if (piece === '') return ''
  call.isEmpty = false
  call.progress = progressed(call.progress, piece)
  const { text, half } = wholeCharacters(call.half, piece)
  call.half = half
  return text
}

import type { Drift, NoteDrift } from './drift.ts'
import { ChatError } from './error.ts'
import { shapeOf, shownEvent } from './shape-of.ts'

/** The type of a field in JSON. */
export type FieldType = 'string' | 'number' | 'boolean' | 'object' | 'list'

/**
 * The fields that an adapter needs of an event, by their paths. `a.b?` may be missing, of `a.b|c` one is enough, and the empty path is the
 * event itself.
 */
export type NeededFields = Readonly<Record<string, FieldType | readonly FieldType[]>>

/** The events that an adapter knows, also those that it ignores. A `*` in a name stands for anything. */
export type KnownEvents = Readonly<Record<string, NeededFields>>

/** Limit for what is noted of one answer. */
const maxNoted = 8

/**
 * Finds out how the events of one answer differ from those that the adapter knows. Ask it only about events that the adapter made nothing
 * of, because most are understood. Each difference is noted once.
 */
export class DriftWatch {
  readonly #known: KnownEvents
  readonly #note: NoteDrift
  /** Made for the first difference; most answers have none. */
  #noted: Set<string> | undefined

  constructor(known: KnownEvents, note: NoteDrift) {
    this.#known = known
    this.#note = note
  }

  /**
   * Compares an event with what is known of it.
   * @param name the event's name
   * @param message the event as it came
   * @param read what the adapter has read of it, if that is less strict than the types in JSON
   */
  look(name: string, message: unknown, read: unknown = message): void {
    if (this.#isFull) return
    const fields = this.#fieldsOf(name)
    if (!fields) this.#tell('unknown_event', shownEvent(name), message)
    for (const [path, types] of Object.entries(fields ?? {})) {
      const found = differenceAt(path, { types, message, read })
      if (!found) continue
      const event = shownEvent(name)
      const where = [event, found.path].filter((word) => word !== '').join(': ')
      this.#tell(found.kind, where, message)
    }
  }

  /** The same, if the adapter could not read the event. An error that the upstream reports is no difference. */
  lookAfter(thrown: unknown, name: string, message: unknown, read?: unknown): void {
    if (thrown instanceof ChatError && thrown.code === 'upstream_bad_response') this.look(name, message, read)
  }

  /** Notes a member of an event that the adapter does not know. */
  tellUnknown(where: string, message: unknown): void {
    this.#tell('unknown_event', shownEvent(where), message)
  }

  get #isFull(): boolean {
    return this.#noted !== undefined && this.#noted.size >= maxNoted
  }

  #fieldsOf(name: string): NeededFields | undefined {
    if (Object.hasOwn(this.#known, name)) return this.#known[name]
    for (const [pattern, fields] of Object.entries(this.#known)) {
      const star = pattern.indexOf('*')
      if (star === -1 || name.length < pattern.length - 1) continue
      if (name.startsWith(pattern.slice(0, star)) && name.endsWith(pattern.slice(star + 1))) return fields
    }
    return undefined
  }

  #tell(kind: Drift['kind'], where: string, message: unknown): void {
    const key = `${kind} ${where}`
    if (this.#isFull || this.#noted?.has(key)) return
    this.#noted ??= new Set()
    this.#noted.add(key)
    this.#note({ kind, where, shape: shapeOf(message) })
  }
}

interface Compared {
  readonly types: FieldType | readonly FieldType[]
  readonly message: unknown
  readonly read: unknown
}

interface FoundField {
  readonly kind: 'missing_field' | 'wrong_type'
  readonly path: string
}

function differenceAt(written: string, { types, message, read }: Compared): FoundField | undefined {
  const isOptional = written.endsWith('?')
  const paths = alternativesOf(isOptional ? written.slice(0, -1) : written)
  if (paths.some((path) => isOf(valueAt(read, path), types))) return undefined
  const wrong = paths.find((path) => (valueAt(message, path) ?? undefined) !== undefined)
  if (wrong !== undefined) return { kind: 'wrong_type', path: wrong }
  return isOptional ? undefined : { kind: 'missing_field', path: paths[0] ?? '' }
}

/** `a.b|c` as `a.b` and `a.c`. */
function alternativesOf(path: string): readonly string[] {
  const end = path.lastIndexOf('.') + 1
  return path
    .slice(end)
    .split('|')
    .map((name) => path.slice(0, end) + name)
}

/** The value at a path. A list stands for its first item, as in a proxy's reply. */
function valueAt(value: unknown, path: string): unknown {
  if (path === '') return value
  let at = value
  for (const name of path.split('.')) {
    const holder: unknown = Array.isArray(at) ? at[0] : at
    if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return undefined
    at = Reflect.get(holder, name)
  }
  return at
}

function isOf(value: unknown, types: FieldType | readonly FieldType[]): boolean {
  const type = Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value
  return typeof types === 'string' ? type === types : types.some((one) => one === type)
}

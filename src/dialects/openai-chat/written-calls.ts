import type { ToolArgumentsEvent, ToolCallEvent } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { isFields, merge, ownMember } from '../fields.ts'
import { dialect } from './dialect.ts'

type PartOfCall = Pick<ToolArgumentsEvent, 'choice' | 'part' | 'extra'>

interface WrittenCall {
  /** This dialect counts the calls of a choice from 0. */
  readonly index: number
  /** The extra fields that have been written. */
  extra: Fields | undefined
}

/** Writes the tool calls of a stream as deltas. */
export class WrittenCalls {
  /** By choice and part. */
  readonly #calls = new Map<number, Map<number, WrittenCall>>()

  open({ choice, part, id, name, extra }: ToolCallEvent): Fields {
    const calls = this.#calls.get(choice) ?? new Map<number, WrittenCall>()
    this.#calls.set(choice, calls)
    const index = calls.size
    const own = extra?.[dialect]
    calls.set(part, { index, extra: own })
    return merge({ index, id, type: 'function', function: { name, arguments: '' } }, own)
  }

  /** Writes more of a call. An event has all extra fields so far, so only the new ones are written. */
  grow({ choice, part, extra }: PartOfCall, json: string): Fields {
    const call = this.#calls.get(choice)?.get(part)
    const own = extra?.[dialect]
    const added = newMembers(call?.extra, own)
    if (call && own) call.extra = own
    return merge({ index: call?.index, function: { arguments: json } }, added)
  }

  /** Writes the extra fields that come with the end of a call. Returns undefined if there is nothing to write. */
  end(event: PartOfCall): Fields | undefined {
    const own = event.extra?.[dialect]
    const call = own && this.#calls.get(event.choice)?.get(event.part)
    return call && newMembers(call.extra, own) && this.grow(event, '')
  }
}

/**
 * Returns what `after` has and `before` has not: other members, and the rest of each text that has grown. A client joins the
 * texts of its deltas, so no text may be written twice.
 */
function newMembers(before: Fields | undefined, after: Fields | undefined): Fields | undefined {
  if (!before || !after) return after
  const added = Object.entries(after).flatMap(([key, value]) => {
    const rest = newValue(ownMember(before, key), value)
    return rest === undefined ? [] : [[key, rest] as const]
  })
  return added.length > 0 ? Object.fromEntries(added) : undefined
}

function newValue(before: unknown, after: unknown): unknown {
  if (Bun.deepEquals(before, after, true)) return undefined
  if (typeof before === 'string' && typeof after === 'string' && after.startsWith(before))
    return after.slice(before.length)
  return isFields(before) && isFields(after) ? newMembers(before, after) : after
}

import type { WireToolDelta } from './wire-calls.ts'

/** A custom tool takes free text where a function takes JSON. */
export type ToolKind = 'function' | 'custom'

/** What a delta of a stream should contain. */
interface ExpectedDelta {
  readonly index: number
  readonly kind: ToolKind
  readonly json: string
  /** Only the delta that opens the call may have `id`, `type` and the name. */
  readonly opens?: { readonly id: string; readonly name: string }
}

const argumentsOf = { function: 'arguments', custom: 'input' } as const satisfies Record<ToolKind, string>

/**
 * Returns the delta itself if it is right, otherwise a repaired one. A delta that continues a call must not repeat the id,
 * type or name, not even as null: the official Python client joins repeated strings, and the one for Node (`parse`,
 * `runTools`) takes them for another call.
 */
export function relayedDelta(delta: WireToolDelta, expected: ExpectedDelta): object {
  return isAsExpected(delta, expected) ? delta : repairDelta(delta, expected)
}

/** Writes a delta that the upstream left out. */
export function openingDelta(expected: ExpectedDelta): object {
  return repairDelta({}, expected)
}

function isAsExpected(delta: WireToolDelta, { index, kind, json, opens }: ExpectedDelta): boolean {
  const said = delta[kind]
  const text = kind === 'function' ? delta.function?.arguments : delta.custom?.input
  return (
    delta.index === index &&
    (text ?? '') === json &&
    delta.id === opens?.id &&
    (opens ? delta.type === kind && said?.name === opens.name : delta.type === undefined && said?.name === undefined)
  )
}

function repairDelta(delta: WireToolDelta, { index, kind, json, opens }: ExpectedDelta): object {
  const { id: _id, type: _type, index: _index, ...others } = delta
  const { name: _name, ...called } = delta[kind] ?? {}
  return {
    ...others,
    index,
    ...(opens && { id: opens.id, type: kind }),
    [kind]: { ...(opens && { name: opens.name }), ...called, [argumentsOf[kind]]: json },
  }
}

/** Returns a call of a whole message, repaired if necessary. */
export function wholeCall(
  call: WireToolDelta,
  { kind, id, json }: { readonly kind: ToolKind; readonly id: string; readonly json: string },
): object {
  const text = kind === 'function' ? call.function?.arguments : call.custom?.input
  if (call.id === id && call.type === kind && text === json) return call
  return { ...call, id, type: kind, [kind]: { ...call[kind], [argumentsOf[kind]]: json } }
}

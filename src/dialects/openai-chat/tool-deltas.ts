import type { WireToolDelta } from './wire-calls.ts'

/** A custom tool takes free text where a function takes JSON. */
export type ToolKind = 'function' | 'custom'

/** What a delta of a stream should say. */
interface ExpectedDelta {
  readonly index: number
  readonly kind: ToolKind
  readonly json: string
  /** Where the call opens: only then may `id`, `type` and the name be there. */
  readonly opens?: { readonly id: string; readonly name: string }
}

const argumentsOf = { function: 'arguments', custom: 'input' } as const satisfies Record<ToolKind, string>

/**
 * The delta if it says what is due, else put right. A delta that continues a call must not repeat its id, type or name, not even as
 * null: the official Python client joins repeated strings, the one for Node takes them for another call (`parse`, `runTools`).
 */
export function relayedDelta(delta: WireToolDelta, due: ExpectedDelta): object {
  return isRight(delta, due) ? delta : putRight(delta, due)
}

/** A delta that the upstream left out. */
export function openingDelta(due: ExpectedDelta): object {
  return putRight({}, due)
}

function isRight(delta: WireToolDelta, { index, kind, json, opens }: ExpectedDelta): boolean {
  const said = delta[kind]
  const text = kind === 'function' ? delta.function?.arguments : delta.custom?.input
  return (
    delta.index === index &&
    (text ?? '') === json &&
    delta.id === opens?.id &&
    (opens ? delta.type === kind && said?.name === opens.name : delta.type === undefined && said?.name === undefined)
  )
}

function putRight(delta: WireToolDelta, { index, kind, json, opens }: ExpectedDelta): object {
  const { id: _id, type: _type, index: _index, ...others } = delta
  const { name: _name, ...called } = delta[kind] ?? {}
  return {
    ...others,
    index,
    ...(opens && { id: opens.id, type: kind }),
    [kind]: { ...(opens && { name: opens.name }), ...called, [argumentsOf[kind]]: json },
  }
}

/** A call of a whole message, put right where it needs to be. */
export function wholeCall(
  call: WireToolDelta,
  { kind, id, json }: { readonly kind: ToolKind; readonly id: string; readonly json: string },
): object {
  const text = kind === 'function' ? call.function?.arguments : call.custom?.input
  if (call.id === id && call.type === kind && text === json) return call
  return { ...call, id, type: kind, [kind]: { ...call[kind], [argumentsOf[kind]]: json } }
}

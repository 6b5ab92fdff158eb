import type { ToolKind } from './tool-deltas.ts'
import type { WireToolDelta } from './wire-calls.ts'

/** A delta in our own types. */
export interface ReadDelta {
  readonly kind: ToolKind
  readonly id: string | undefined
  readonly index: number | undefined
  readonly name: string | undefined
  readonly json: string
}

/** Reads the delta of a tool call, of either kind. */
export function toReadDelta(delta: WireToolDelta): ReadDelta {
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

/** Whether a delta has nothing that a call could be made of. */
export function isEmptyDelta({ id, name, json }: ReadDelta): boolean {
  return id === undefined && name === undefined && json === ''
}

/** Returns the arguments as text. Ollama's own API and some Mistral models send an object. */
function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === null || value === undefined ? '' : JSON.stringify(value)
}

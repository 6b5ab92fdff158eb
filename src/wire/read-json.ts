import { nextTurn } from '../flow/next-turn.ts'
import { type JsonBounds, scanJson } from './json-bounds.ts'
import { JsonReader, type ReadingManner } from './json-reader.ts'
import type { JsonReading } from './json-reading.ts'

/** The most bytes of a body that are parsed at once. That takes some milliseconds. */
export const maxAtOnce = 1024 * 1024

export interface ReadJsonOptions {
  readonly bounds?: JsonBounds
  /** Lets other work run. Called after each step with the number of bytes read so far. */
  readonly pause?: (bytesRead: number) => Promise<void>
}

/** Reads the bytes of a JSON text. Its bounds are checked before values are made, and many bytes are read in steps. */
export function readJson(
  bytes: Uint8Array,
  { bounds, pause = nextTurn }: ReadJsonOptions = {},
): JsonReading | Promise<JsonReading> {
  if (bytes.byteLength <= maxAtOnce) return parseAtOnce(bytes, bounds)
  return readJsonInSteps(bytes, { ...(bounds && { bounds }), pause })
}

/** Reads the bytes of a JSON text, always in steps. */
export async function readJsonInSteps(
  bytes: Uint8Array,
  { bounds, manner, pause = nextTurn }: ReadJsonOptions & { readonly manner?: ReadingManner } = {},
): Promise<JsonReading> {
  const steps = new JsonReader(bytes, bounds, manner).steps()
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await pause(step.value)
  }
}

function parseAtOnce(bytes: Uint8Array, bounds: JsonBounds | undefined): JsonReading {
  const text = textOf(bytes)
  if (text === undefined) return { invalid: 'utf-8' }
  const { crossed, hasLongNumber } = scanJson(text, bounds)
  if (crossed) return { crossed }
  if (hasLongNumber) return allSteps(new JsonReader(bytes, bounds))
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { invalid: 'json' }
  }
}

function allSteps(reader: JsonReader): JsonReading {
  const steps = reader.steps()
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

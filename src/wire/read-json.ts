import type { Fields } from '../chat/message.ts'
import { nextTurn } from '../flow/next-turn.ts'
import { type JsonBounds, jsonBounds, scanJson } from './json-bounds.ts'
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
  if (bytes.byteLength > maxUnscanned && isMostlyLongStrings(bytes)) return allSteps(new JsonReader(bytes, bounds))
  const text = textOf(bytes)
  if (text === undefined) return { invalid: 'utf-8' }
  if (!bounds && bytes.byteLength <= maxUnscanned) return parseUnscanned(bytes, text)
  const { crossed, hasLongNumber } = scanJson(text, bounds)
  if (crossed) return { crossed }
  return hasLongNumber ? allSteps(new JsonReader(bytes, bounds)) : parse(text)
}

/** The most bytes that cannot cross any of the usual bounds except for the depth. */
const maxUnscanned = 192 * 1024

/** Places of a text at which the next quote is looked for. */
const probes = 16
const quote = 0x22

/** Whether long strings, such as pictures, are most of a text. `JSON.parse` takes ten times as long for them. */
function isMostlyLongStrings(bytes: Uint8Array): boolean {
  const distance = Math.floor(bytes.byteLength / probes)
  let far = 0
  for (let probe = 0; probe < probes; probe++) {
    const next = bytes.indexOf(quote, probe * distance)
    if (next === -1 || next - probe * distance > distance / 2) far++
  }
  return far > probes / 2
}

/** Looks at the value instead of the text, which has many more characters. */
function parseUnscanned(bytes: Uint8Array, text: string): JsonReading {
  const reading = parse(text)
  if (!('value' in reading)) return reading
  const oddity = oddityIn(reading.value, jsonBounds.depth)
  if (oddity === 'depth') return { crossed: 'depth' }
  return oddity === 'number' ? allSteps(new JsonReader(bytes)) : reading
}

/** What makes a value unusual: it nests deeper than `depth`, or it has a number that may have lost digits. */
function oddityIn(value: unknown, depth: number): 'depth' | 'number' | undefined {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER ? 'number' : undefined
  if (Array.isArray(value)) return depth === 0 ? 'depth' : oddityInList(value, depth - 1)
  if (!isObject(value)) return undefined
  if (depth === 0) return 'depth'
  for (const name in value) {
    const member = value[name]
    const oddity = typeof member === 'string' ? undefined : oddityIn(member, depth - 1)
    if (oddity) return oddity
  }
  return undefined
}

function oddityInList(items: readonly unknown[], depth: number): 'depth' | 'number' | undefined {
  for (const item of items) {
    const oddity = oddityIn(item, depth)
    if (oddity) return oddity
  }
  return undefined
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function parse(text: string): JsonReading {
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

/** Returns undefined for invalid UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

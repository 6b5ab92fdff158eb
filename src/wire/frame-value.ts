import type { Fields } from '../chat/message.ts'
import { encodeInSteps } from './join-bytes.ts'
import { notJson, readUpstreamJson, upstreamJson } from './json.ts'
import { maxAtOnce } from './read-json.ts'
import type { SseFrame } from './sse.ts'

/**
 * Reads the JSON of an event: an object or a list of objects. Returns undefined for an event that only shows that the
 * stream is alive, such as `null`, a number, `ping` or nothing. For an `error` event it returns any value or text.
 * @throws ChatError `upstream-failed` for incomplete JSON, because part of the answer is lost
 */
export function frameValue({ event, data, read }: SseFrame): unknown {
  const value = read ? read.value : upstreamJson(data)
  if (isSaying(value)) return value
  if (event === 'error') return value ?? data
  if (value !== undefined) return undefined
  const again = wrappedTwice(data)
  if (isSaying(again)) return again
  if (/[{}"]/.test(data)) throw notJson()
  return undefined
}

/** Whether a frame is long enough to be read in steps. */
export function isLongFrame({ data }: SseFrame): boolean {
  return data.length > maxAtOnce
}

/** Reads a long frame in steps. It removes the AI SDK's letter before the JSON. @throws as `frameValue` */
export async function readFrame(frame: SseFrame): Promise<SseFrame> {
  const json = frame.data.replace(/^(data|[0-9a-z]):/, '')
  return { ...frame, read: { value: await readUpstreamJson(await encodeInSteps(json)) } }
}

function isSaying(value: unknown): value is Fields | readonly unknown[] {
  if (Array.isArray(value)) return typeof value[0] === 'object' && value[0] !== null
  return typeof value === 'object' && value !== null
}

/** Some frameworks add a second `data:` to an event that already has one. */
function wrappedTwice(data: string): unknown {
  return data.startsWith('data:') ? upstreamJson(data.slice(5)) : undefined
}

/** Whether a frame ends the stream: `[DONE]` in any spelling, or an event `done` without content. */
export function isDone({ event, data }: SseFrame): boolean {
  // longer data has content, and the patterns below take quadratic time
  if (data.length > maxDoneLength) return false
  if (event !== undefined && /^done$/i.test(event) && /^\W*(done|true|ok|null)?\W*$/i.test(data)) return true
  return /^\s*(data:\s*)?"?\[done\]"?\s*$/i.test(data)
}

const maxDoneLength = 32

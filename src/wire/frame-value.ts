import type { Fields } from '../chat/message.ts'
import { encodeInSteps } from './join-bytes.ts'
import { notJson, readUpstreamJson, upstreamJson } from './json.ts'
import { maxAtOnce } from './read-json.ts'
import type { SseFrame } from './sse.ts'

/**
 * What an event says: an object or a list of some. Undefined for what only shows that the stream lives, such as `null`,
 * a number, `ping` or nothing. Of an event `error` whatever it says.
 * @throws ChatError `upstream-failed` for a piece of JSON: part of the answer is lost
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

/** Whether a frame is to be read in steps. */
export function isLongFrame({ data }: SseFrame): boolean {
  return data.length > maxAtOnce
}

/** A long frame, read in steps. The letter before a line's JSON is the AI SDK's data stream. @throws as `frameValue` */
export async function readFrame(frame: SseFrame): Promise<SseFrame> {
  const json = frame.data.replace(/^(data|[0-9a-z]):/, '')
  return { ...frame, read: { value: await readUpstreamJson(await encodeInSteps(json)) } }
}

function isSaying(value: unknown): value is Fields | readonly unknown[] {
  if (Array.isArray(value)) return typeof value[0] === 'object' && value[0] !== null
  return typeof value === 'object' && value !== null
}

/** Frameworks that frame events themselves put another `data:` before one that is framed already. */
function wrappedTwice(data: string): unknown {
  return data.startsWith('data:') ? upstreamJson(data.slice(5)) : undefined
}

/** Whether a frame is the stream's own last word: `[DONE]`, however it is written, or an event `done` that says no more. */
export function isDone({ event, data }: SseFrame): boolean {
  // longer data says more, and the patterns take the square of its length
  if (data.length > maxDoneLength) return false
  if (event !== undefined && /^done$/i.test(event) && /^\W*(done|true|ok|null)?\W*$/i.test(data)) return true
  return /^\s*(data:\s*)?"?\[done\]"?\s*$/i.test(data)
}

const maxDoneLength = 32

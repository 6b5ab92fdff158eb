import { jsonOrUndefined, nestsTooDeep } from '../wire/json.ts'
import { withoutNulls } from './null-members.ts'

/** Deeper than this a message is not looked at. */
const maxDepth = 128

/** A message as the library is to see it; undefined for a text that is none. */
export function readMessage(json: string): unknown {
  if (nestsTooDeep(json, maxDepth)) return undefined
  const message = jsonOrUndefined(json)
  return json.includes('null') ? withoutNulls(message) : message
}

/** The same as text. What is no message stays as it is; undefined for what is too deep to be looked at. */
export function cleanMessage(json: string): string | undefined {
  if (nestsTooDeep(json, maxDepth)) return undefined
  const message = json.includes('null') ? jsonOrUndefined(json) : undefined
  return message === undefined ? json : JSON.stringify(withoutNulls(message))
}

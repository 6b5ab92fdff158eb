import { jsonOrUndefined, nestsTooDeep } from '../wire/json.ts'
import { withoutNulls } from './null-members.ts'
import { withReadableTools } from './readable-tools.ts'

/** A message that nests deeper is not read. */
const maxDepth = 128

/** Reads a message and cleans it for the library; undefined if the text is not a message. */
export function readMessage(json: string): unknown {
  if (nestsTooDeep(json, maxDepth)) return undefined
  const message = jsonOrUndefined(json)
  return mayBeUntidy(json) ? tidied(message) : message
}

/** Cleans the JSON text of a message. A text that is not a message stays unchanged; undefined if it nests too deep. */
export function cleanMessage(json: string): string | undefined {
  if (nestsTooDeep(json, maxDepth)) return undefined
  const message = mayBeUntidy(json) ? jsonOrUndefined(json) : undefined
  return message === undefined ? json : JSON.stringify(tidied(message))
}

function mayBeUntidy(json: string): boolean {
  return json.includes('null') || json.includes('"tools"')
}

function tidied(message: unknown): unknown {
  return withReadableTools(withoutNulls(message))
}

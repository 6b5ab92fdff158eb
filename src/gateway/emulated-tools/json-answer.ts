import type { Fields } from '../../chat/message.ts'
import { fitSchema } from './fit-schema.ts'
import { isFields, JsonBuilder } from './json-builder.ts'
import { JsonMender } from './json-mender.ts'

/** A JSON answer, or what is wrong with it, in words for the model. */
export type JsonAnswer = { readonly json: string } | { readonly problem: string }

/**
 * Finds the JSON in an answer, also within a code fence or after some words, repairs it, and checks it.
 * @param schema the client's JSON Schema; undefined if any object is right
 */
export function readJsonAnswer(text: string, schema: Fields | undefined): JsonAnswer {
  const found = findJson(text)
  if (!found) return { problem: 'It has no JSON that can be read.' }
  const { value, problems } = fitSchema(found.value, schema ?? { type: 'object' })
  if (problems.length > 0) return { problem: problems.join(' ') }
  return {
    json: JSON.stringify(value) === JSON.stringify(found.value) && found.json ? found.json : JSON.stringify(value),
  }
}

interface FoundJson {
  readonly value: unknown
  /** The text that it was read from, if that is correct JSON. */
  readonly json?: string
}

/** The words before the JSON that are looked through. */
const maxStarts = 64

function findJson(text: string): FoundJson | undefined {
  const whole = parse(text.trim())
  if (whole) return whole
  let starts = 0
  for (const { index } of text.matchAll(/[[{]/g)) {
    if (starts++ >= maxStarts) break
    const builder = new JsonBuilder()
    const mender = new JsonMender(builder)
    mender.push(text.slice(index))
    if (!mender.isDone) mender.end()
    const isEmpty = isFields(builder.value) && Object.keys(builder.value).length === 0
    if (mender.isDone && !isEmpty) return { value: builder.value }
  }
  return undefined
}

function parse(json: string): FoundJson | undefined {
  try {
    return { value: JSON.parse(json), json }
  } catch {
    return undefined
  }
}

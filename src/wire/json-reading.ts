import type { CrossedBound } from './json-bounds.ts'

/** The outcome of reading: a value, a bound that was crossed, or invalid JSON or UTF-8. */
export type JsonReading =
  | { readonly value: unknown }
  | { readonly crossed: CrossedBound }
  | { readonly invalid: 'json' | 'utf-8' }

/** Thrown to stop the reading of a text that has no value. */
export class JsonStop {
  readonly why: Exclude<JsonReading, { readonly value: unknown }>

  constructor(why: JsonStop['why']) {
    this.why = why
  }
}

export const noJson = new JsonStop({ invalid: 'json' })

/** Parses a number, a word or a string. @throws JsonStop if it is invalid */
export function parseToken(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw noJson
  }
}

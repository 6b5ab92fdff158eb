import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Fields } from '../chat/message.ts'
import { typesOf } from './schema/json-types.ts'
import { shapeSchema } from './schema/shape-schema.ts'

/** A tool as its server describes it, fit to be shown to a model. */
export interface Definition {
  /** As its server knows it. */
  readonly name: string
  readonly description?: string
  /** A JSON Schema in the shape that model APIs take. */
  readonly parameters: Fields
  /** Of all that a model is told of it, as it came. */
  readonly hash: string
}

const Listed = z.looseObject({
  name: z.string().min(1).max(256),
  description: z.string().optional(),
  /** Without one it takes nothing, or anything. */
  inputSchema: z.union([z.record(z.string(), z.unknown()), z.boolean()]).optional(),
})

/** Characters of a description, and of a schema as JSON. */
const maxDescription = 4 * 1024
const maxSchema = 64 * 1024

/** What a server lists as a tool; undefined where it is none that a model could be given. */
export function readDefinition(listed: unknown): Definition | undefined {
  try {
    const { name, description, inputSchema } = Listed.parse(listed)
    const schema = JSON.stringify(inputSchema ?? {})
    if (schema.length > maxSchema || !isOfObjects(inputSchema)) return undefined
    const shown = description === undefined ? undefined : visible(description)
    return {
      name,
      ...(shown !== undefined && { description: shown }),
      parameters: shapeSchema(readSchema(schema)),
      hash: hashOf({ name, description, inputSchema }),
    }
  } catch {
    // no tool, or nested so deep that nothing can walk it
    return undefined
  }
}

/** Arguments are an object. A schema of something else is none that could be called. */
function isOfObjects(schema: Fields | boolean | undefined): boolean {
  const types = typeof schema === 'object' ? typesOf(schema.type) : []
  return types.length === 0 || types.includes('object')
}

/** The schema as it came; but a model reads its descriptions too. */
function readSchema(json: string): unknown {
  return JSON.parse(json, (key, value: unknown) =>
    key === 'description' && typeof value === 'string' ? visible(value) : value,
  )
}

/** A text for a model, without what a person reviewing it would not see: invisible characters, and whatever comes after 4 KiB. */
function visible(text: string): string {
  return text
    .slice(0, maxDescription)
    .toWellFormed()
    .replace(/[^\P{C}\n\t]|[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\p{Zl}\p{Zp}]|[\u{e0100}-\u{e01ef}]/gu, '')
}

function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(value, (_key, inner: unknown) => sorted(inner)))
    .digest('hex')
}

/** The order of an object's keys says nothing: some servers give another at each start. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const maxPins = 4096

/**
 * What each tool of a server was when it was first seen. One that is something else later is not offered again until the
 * program starts anew: it may have been made to look harmless first (reliability, section 4, item 21).
 */
export class Pins {
  readonly #hashes = new Map<string, string>()
  readonly #changed = new Set<string>()

  /** Whether the tool is still what it was, or is new. */
  admits({ name, hash }: Definition): boolean {
    const pinned = this.#hashes.get(name)
    if (pinned === undefined) {
      // a server that makes up names without end has no more of them remembered
      if (this.#hashes.size >= maxPins) return false
      this.#hashes.set(name, hash)
    } else if (pinned !== hash) this.#changed.add(name)
    return this.isUnchanged(name)
  }

  isUnchanged(name: string): boolean {
    return !this.#changed.has(name)
  }
}

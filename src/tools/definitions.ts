import { z } from 'zod'
import type { Fields } from '../chat/message.ts'
import { redact } from '../chat/secret.ts'
import { type HeaderParameter, headerParameters } from './header-parameters.ts'
import { typesOf } from './schema/json-types.ts'
import { shapeSchema } from './schema/shape-schema.ts'

/** A tool as its server describes it, cleaned for a model, and without the secrets that the server was given. */
export interface Definition {
  /** The server's own name of the tool. */
  readonly name: string
  readonly description?: string
  /** A JSON Schema in the shape that model APIs accept. */
  readonly parameters: Fields
  /** The parameters that a call also sends in headers. */
  readonly headers: readonly HeaderParameter[]
  /** A hash of everything that a model sees of the tool, before it was cleaned. */
  readonly hash: string
}

const Listed = z.looseObject({
  name: z.string().min(1).max(256),
  description: z.string().optional(),
  /** A tool without a schema takes no arguments or any arguments. */
  inputSchema: z.union([z.record(z.string(), z.unknown()), z.boolean()]).optional(),
})

/** Limits for the characters of a description and of a schema as JSON. */
const maxDescription = 4 * 1024
const maxSchema = 64 * 1024

/** Reads a tool of a server's list; undefined if it cannot be offered to a model. */
export function readDefinition(listed: unknown): Definition | undefined {
  try {
    const { name, description, inputSchema } = Listed.parse(listed)
    const schema = JSON.stringify(inputSchema ?? {})
    const headers = headerParameters(inputSchema)
    if (schema.length > maxSchema || !isOfObjects(inputSchema) || !headers) return undefined
    const shown = description === undefined ? undefined : removeInvisible(redact(description))
    return {
      name,
      ...(shown !== undefined && { description: shown }),
      parameters: shapeSchema(readSchema(schema)),
      headers,
      hash: hashOf({ name, description, inputSchema }),
    }
  } catch {
    // it is not a tool, or it is nested too deep to be read
    return undefined
  }
}

/** Whether a schema describes an object. A tool with any other schema cannot be called. */
function isOfObjects(schema: Fields | boolean | undefined): boolean {
  const types = typeof schema === 'object' ? typesOf(schema.type) : []
  return types.length === 0 || types.includes('object')
}

/** Reads the schema without secrets, and otherwise unchanged except for its descriptions, which a model reads too. */
function readSchema(json: string): unknown {
  return JSON.parse(json, (key, value: unknown) => {
    if (typeof value !== 'string') return value
    return key === 'description' ? removeInvisible(redact(value)) : redact(value)
  })
}

/** Removes what a person who reviews a text would not see: invisible characters, and everything after 4 KiB. */
function removeInvisible(text: string): string {
  return text
    .slice(0, maxDescription)
    .toWellFormed()
    .replace(/[^\P{C}\n\t]|[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\p{Zl}\p{Zp}]|[\u{e0100}-\u{e01ef}]/gu, '')
}

function hashOf(value: unknown): string {
  return new Bun.CryptoHasher('sha256')
    .update(JSON.stringify(value, (_key, inner: unknown) => sortKeys(inner)))
    .digest('hex')
}

/** Sorts the keys of objects, because some servers use another order at each start. */
function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const maxPins = 4096

/**
 * Remembers each tool of a server as it was first seen. A tool that changes later is not offered again until its server or
 * the program is restarted: it may have looked harmless at first on purpose (reliability, section 4, item 21).
 */
export class Pins {
  readonly #hashes = new Map<string, string>()
  readonly #changed = new Set<string>()

  /** Whether the tool is new or unchanged. */
  admits({ name, hash }: Definition): boolean {
    const pinned = this.#hashes.get(name)
    if (pinned === undefined) {
      // a server may invent names without end, so the number is limited
      if (this.#hashes.size >= maxPins) return false
      this.#hashes.set(name, hash)
    } else if (pinned !== hash) this.#changed.add(name)
    return this.isUnchanged(name)
  }

  isUnchanged(name: string): boolean {
    return !this.#changed.has(name)
  }
}

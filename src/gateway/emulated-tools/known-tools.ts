import type { Fields } from '../../chat/message.ts'
import { type FunctionTool, schemaOf } from '../../chat/request.ts'
import { fitSchema, resolveSchema, spelling } from './fit-schema.ts'
import { isFields, readLooseJson } from './json-builder.ts'

/** A tool that the model may call. */
export interface KnownTool {
  readonly name: string
  /** The JSON Schema of its arguments. */
  readonly schema: Fields
  /** The schemas of its arguments by their names. */
  readonly properties: Fields
}

/** A call that was read from a text. */
export interface FittedCall {
  readonly tool: KnownTool
  /** The arguments as JSON. */
  readonly json: string
  /** What is wrong with the arguments, in words for the model. */
  readonly problems: readonly string[]
}

/** The tools that a model may call, by the names that it writes. */
export class KnownTools {
  readonly #byName: ReadonlyMap<string, KnownTool>
  /** Null for a spelling that several tools share. */
  readonly #bySpelling = new Map<string, KnownTool | null>()

  constructor(tools: readonly FunctionTool[]) {
    this.#byName = new Map(tools.map((tool) => [tool.name, toKnown(tool)]))
    for (const tool of this.#byName.values()) {
      const plain = spelling(tool.name)
      this.#bySpelling.set(plain, this.#bySpelling.has(plain) ? null : tool)
    }
  }

  /** Finds a tool by its name, also with the prefix of a namespace, with `()`, or in another case. */
  find(written: string): KnownTool | undefined {
    const name = written.trim()
    const plain = name.replace(/^(functions?|tools?|default_api|api)[./:]/i, '').replace(/(\(\)|:\d+)$/, '')
    return this.#byName.get(name) ?? this.#byName.get(plain) ?? this.#bySpelling.get(spelling(plain)) ?? undefined
  }

  /** Finds the tool with exactly this name. */
  named(name: string): KnownTool | undefined {
    return this.#byName.get(name)
  }

  /** Whether a tool's name begins with these characters. */
  mayBegin(name: string): boolean {
    for (const known of this.#byName.keys()) if (known.startsWith(name)) return true
    return false
  }

  /** Finds a tool as `find` does, and also the only one whose name differs by a letter or two. */
  nearest(written: string): KnownTool | undefined {
    const found = this.find(written)
    if (found || written.length > maxName) return found
    const plain = spelling(written)
    const near = [...this.#bySpelling].filter(([name]) => name.length >= 5 && isNear(name, plain))
    return near.length === 1 ? (near[0]?.[1] ?? undefined) : undefined
  }
}

const maxName = 128

function toKnown(tool: FunctionTool): KnownTool {
  const { $ref: _, ...sent } = schemaOf(tool)
  const schema = { ...sent, ...resolveSchema(schemaOf(tool), schemaOf(tool)) }
  const { properties } = schema
  return { name: tool.name, schema, properties: isFields(properties) ? properties : {} }
}

/** Whether two names differ by one letter, or by two if they are long. */
function isNear(a: string, b: string): boolean {
  const most = Math.max(a.length, b.length) >= 8 ? 2 : 1
  if (Math.abs(a.length - b.length) > most) return false
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1])
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return (row[b.length] ?? most + 1) <= most
}

/** Makes a call of what a model wrote as its arguments: an object, JSON in a text, or the text of the only argument. */
export function fitCall(tool: KnownTool, written: unknown): FittedCall {
  const { value, problems } = fitSchema(argumentsIn(tool, written), tool.schema)
  const isObject = isFields(value)
  return { tool, json: JSON.stringify(value), problems: isObject ? problems : ['The arguments must be a JSON object.'] }
}

function argumentsIn({ properties }: KnownTool, written: unknown): unknown {
  if (written === undefined || written === null || written === '') return {}
  if (typeof written !== 'string') return written
  const read = /^\s*\{/.test(written) ? readLooseJson(written)?.value : undefined
  if (isFields(read)) return read
  const [only, ...others] = Object.keys(properties)
  return only !== undefined && others.length === 0 ? { [only]: written } : written
}

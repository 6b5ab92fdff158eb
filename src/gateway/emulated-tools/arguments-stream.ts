import type { JsonContainer } from './closing-quote.ts'
import { fitSchema, nearName } from './fit-schema.ts'
import { JsonBuilder } from './json-builder.ts'
import { JsonMender, type JsonSink } from './json-mender.ts'
import type { KnownTool } from './known-tools.ts'

/**
 * Passes arguments on as they are written. A text is passed on character by character; any other value of an argument is kept
 * until it is whole, and repaired. Nothing is passed on before the first text, so that short calls can still be refused.
 */
export class ArgumentsStream implements JsonSink {
  readonly #tool: KnownTool
  /** Reads the text of the arguments. */
  readonly written: JsonMender = new JsonMender(this)
  readonly #names = new Map<string, unknown>()
  readonly #problems: string[] = []
  #pieces: string[] = []
  #depth = 0
  #name = ''
  #builder: JsonBuilder | undefined
  #isText = false
  #hasBegun = false

  constructor(tool: KnownTool) {
    this.#tool = tool
  }

  /** Returns the JSON that can be passed on now; undefined if nothing can be before the end. */
  take(): string | undefined {
    return this.#hasBegun && this.#pieces.length > 0 ? this.takeRest() : undefined
  }

  /** Returns the rest of the JSON, once the arguments are whole. */
  takeRest(): string {
    const json = this.#pieces.join('')
    this.#pieces = []
    return json
  }

  /** What is wrong with the whole arguments. */
  get problems(): readonly string[] {
    const missing = fitSchema(Object.fromEntries(this.#names), {
      ...this.#tool.schema,
      properties: {},
      additionalProperties: true,
    })
    return [...this.#problems, ...missing.problems]
  }

  open(container: JsonContainer): void {
    if (this.#depth++ === 0) this.#pieces.push('{')
    else this.#inner.open(container)
  }

  close(): void {
    this.#depth--
    if (this.#depth === 0) this.#pieces.push('}')
    else {
      this.#inner.close()
      this.#afterValue()
    }
  }

  key(name: string): void {
    if (this.#depth > 1) this.#inner.key(name)
    else this.#name = nearName(name, this.#tool.properties, (taken) => this.#names.has(taken))
  }

  startText(): void {
    this.#isText = this.#depth === 1 && isPlainText(this.#tool.properties[this.#name])
    if (!this.#isText) {
      this.#inner.startText()
      return
    }
    this.#hasBegun = true
    this.#begin()
    this.#pieces.push('"')
  }

  text(piece: string): void {
    if (this.#isText) this.#pieces.push(JSON.stringify(piece).slice(1, -1))
    else this.#inner.text(piece)
  }

  endText(): void {
    if (!this.#isText) {
      this.#inner.endText()
      this.#afterValue()
      return
    }
    this.#isText = false
    this.#pieces.push('"')
  }

  literal(json: string): void {
    this.#inner.literal(json)
    this.#afterValue()
  }

  get #inner(): JsonBuilder {
    this.#builder ??= new JsonBuilder()
    return this.#builder
  }

  /** Writes the name of an argument before its value. */
  #begin(): void {
    const comma = this.#names.size > 0 ? ',' : ''
    this.#names.set(this.#name, null)
    this.#pieces.push(`${comma}${JSON.stringify(this.#name)}:`)
  }

  #afterValue(): void {
    if (this.#depth > 1) return
    const written = this.#builder?.value
    this.#builder = undefined
    const { schema } = this.#tool
    // the value is repaired as the only argument
    const { value, problems } = fitSchema({ [this.#name]: written }, { ...schema, required: [] })
    const fitted = Object.entries(value ?? {})[0]
    this.#problems.push(...problems)
    if (!fitted) return
    this.#begin()
    this.#pieces.push(JSON.stringify(fitted[1]))
  }
}

function isPlainText(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null || !('type' in schema)) return false
  return schema.type === 'string' && !('enum' in schema) && !('const' in schema)
}

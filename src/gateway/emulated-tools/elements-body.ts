import { type FittedCall, fitCall, type KnownTool } from './known-tools.ts'
import { argumentElements, callElements } from './marks.ts'

/** Characters within which an element must begin. */
const maxOpening = 200

/**
 * Reads arguments that have an element each: `<parameter=NAME>…</parameter>`, `<parameter name="NAME">`, `<NAME>…</NAME>`,
 * or `<arg_key>NAME</arg_key><arg_value>…</arg_value>`. A value may contain the mark that ends it: the mark counts only if
 * another argument or the end of the call follows.
 */
export class ElementsBody {
  readonly #tool: KnownTool
  readonly #values: [name: string, value: string][] = []
  #held = ''
  /** The open argument, the mark that ends it, and the pieces of its value so far. */
  #open: { readonly name: string; readonly closing: string; readonly pieces: string[] } | undefined
  isDone = false
  isBroken = false

  constructor(tool: KnownTool) {
    this.#tool = tool
  }

  get rest(): string {
    return this.#held
  }

  push(text: string): void {
    this.#held += text
    while (!this.isDone && !this.isBroken && (this.#open ? this.#readValue(false) : this.#readOpening())) {
      // reads on
    }
  }

  /** Says that no more text comes. The marks at the end may be missing. */
  end(): void {
    while (this.#open && this.#readValue(true)) this.#readOpening()
    if (this.#open) {
      this.#held = this.#held.replace(/<\/?[\w:.-]*$/, '')
      this.#take(this.#held.length)
      this.#close()
    }
    this.isDone = !this.isBroken
  }

  calls(): readonly FittedCall[] {
    const { properties } = this.#tool
    const written = Object.fromEntries(this.#values.map(([name, value]) => [name, readValue(value, properties[name])]))
    return [fitCall(this.#tool, written)]
  }

  /** Reads the beginning of an argument, or the end of the call. @returns whether it has read something */
  #readOpening(): boolean {
    const held = this.#held.trimStart()
    if (/^<\/[\w:.=-]+>/.test(held)) {
      this.#held = held
      this.isDone = true
      return false
    }
    const [whole, ...names] = opening.exec(held) ?? []
    if (whole !== undefined) {
      const name = names.find((one) => one !== undefined)?.trim() ?? ''
      const closing = whole.includes('arg_key') ? '</arg_value>' : `</${/^<([\w:.-]+)/.exec(whole)?.[1] ?? ''}>`
      this.#held = held.slice(whole.length)
      this.#open = { name, closing, pieces: [] }
      return true
    }
    if (held !== '' && (held[0] !== '<' || held.length > maxOpening)) this.isBroken = true
    return false
  }

  #readValue(isEnd: boolean): boolean {
    const open = this.#open
    if (!open) return false
    for (;;) {
      const found = this.#held.indexOf(open.closing)
      if (found === -1) {
        // the mark may be cut in two
        this.#take(Math.max(0, this.#held.length - open.closing.length + 1))
        return false
      }
      const after = this.#held.slice(found + open.closing.length).trimStart()
      const isLast = this.#followsValue(after, isEnd)
      if (isLast === undefined) return false
      this.#take(isLast ? found : found + open.closing.length)
      if (!isLast) continue
      this.#held = after
      this.#close()
      return true
    }
  }

  /** Takes the first characters of what is held into the value. */
  #take(length: number): void {
    this.#open?.pieces.push(this.#held.slice(0, length))
    this.#held = this.#held.slice(length)
  }

  #close(): void {
    if (this.#open) this.#values.push([this.#open.name, this.#open.pieces.join('')])
    this.#open = undefined
  }

  /** Whether an argument has ended before this text; undefined if it is too short to tell. */
  #followsValue(text: string, isEnd: boolean): boolean | undefined {
    const [, slash = '', name = '', next = ''] = /^<(\/?)(?:antml:)?([A-Za-z_][\w.-]*)?(.?)/s.exec(text) ?? []
    if (text !== '' && text[0] !== '<') return false
    if (next === '') return isEnd || name.length > maxOpening ? true : undefined
    if (name === '') return next === '|' || next === '｜'
    if (slash !== '') return isCallElement(name) || name === this.#tool.name
    return argumentElement.test(name) || (next === '>' && Object.hasOwn(this.#tool.properties, name))
  }
}

const argumentElement = /^(parameter|param|argument|arg|arg_key)$/

function isCallElement(name: string): boolean {
  return name === 'invoke' || callElements.has(name) || argumentElements.has(name) || name.startsWith('tool_call_')
}

const opening =
  /^<(?:(?:antml:)?(?:parameter|param|argument|arg)(?:=|\s+name\s*=\s*)["']?([^"'<>]{1,128}?)["']?\s*>|arg_key>([^<>]{1,128})<\/arg_key>\s*<arg_value>|(?!arg_key>)([A-Za-z_][\w-]{0,127})>)/

/** A value without the line breaks around it, if it begins in its own line. What is no text in the schema may be JSON. */
function readValue(written: string, schema: unknown): unknown {
  const value = /^\r?\n/.test(written) ? written.replace(/^\r?\n/, '').replace(/\r?\n[ \t]*$/, '') : written
  const isText = typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'string'
  return isText ? value : value.trim()
}

import { isCallMember } from './call-members.ts'
import { argumentMembers, nameMembers } from './call-objects.ts'
import type { KnownTool, KnownTools } from './known-tools.ts'
import {
  argumentElements,
  callElements,
  type Marks,
  middleTokens,
  nameElements,
  openingTokens,
  placeholder,
} from './marks.ts'

/** What stands around a call: our own marks, the marks of another format, a code fence, or nothing. */
export type Wrapping = 'own' | 'foreign' | 'fence' | 'none'

/** How the beginning of a line is read: as text, as the beginning of a call, or not before more of it has come. */
export type CallHead = 'text' | 'more' | CallStart

export interface CallStart {
  /** The position of the body. */
  readonly at: number
  readonly wrapping: Wrapping
  /** Whether a code fence was opened. */
  readonly isFenced: boolean
  /** Whether it names a known tool. If not, only its whole body shows whether it is a call. */
  readonly isNamed: boolean
  readonly body: BodyForm
}

/**
 * `call`: JSON with the name and the arguments. `arguments`: JSON with the arguments of this tool. `stream`: the same in
 * our own syntax, so that it can be passed on as it comes. `elements`: an element for each argument.
 */
export type BodyForm =
  | { readonly type: 'call' }
  | { readonly type: 'arguments' | 'stream' | 'elements'; readonly tool: KnownTool }

export interface CallHeadOptions {
  readonly tools: KnownTools
  readonly marks: Marks
}

/** Characters within which a call must show what it is. */
export const maxHead = 400

/**
 * Reads the beginning of a line. It is a call only if it names a known tool in a place where a format has the name.
 * @param text from the first visible character of the line, at most `maxHead` characters
 */
export function readCallHead(text: string, options: CallHeadOptions): CallHead {
  const head = new HeadReader(text, options).read()
  return head === 'more' && text.length >= maxHead ? 'text' : head
}

class HeadReader {
  readonly #text: string
  readonly #options: CallHeadOptions
  #at = 0
  #wrapping: Wrapping = 'none'
  #isFenced = false
  #isToolCode = false
  #named: KnownTool | undefined

  constructor(text: string, options: CallHeadOptions) {
    this.#text = text
    this.#options = options
  }

  read(): CallHead {
    for (;;) {
      this.#skipSpace()
      if (this.#rest === '') return 'more'
      const wrapper = this.#readWrapper()
      if (wrapper === 'none') break
      if (wrapper !== 'read') return wrapper
    }
    const sign = this.#text[this.#at]
    if (sign === '{') return this.#named ? this.#start({ type: 'arguments', tool: this.#named }) : this.#readJson()
    if (sign === '[') return this.#readJson()
    return this.#readName()
  }

  get #rest(): string {
    return this.#text.slice(this.#at)
  }

  #start(body: BodyForm, isNamed = body.type !== 'call'): CallStart {
    return { at: this.#at, wrapping: this.#wrapping, isFenced: this.#isFenced, isNamed, body }
  }

  #startNamed(): CallStart {
    return this.#start({ type: 'call' }, true)
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text.charAt(this.#at))) this.#at++
  }

  /** Reads a mark around a call. `none` if there is no mark here. */
  #readWrapper(): 'read' | 'none' | CallHead {
    const sign = this.#text[this.#at]
    if (sign === '`') return this.#readFence()
    if (sign === '<' || sign === '[') {
      const token = this.#readToken()
      if (token !== 'none') return token
    }
    return sign === '<' ? this.#readElement() : 'none'
  }

  #readFence(): 'read' | CallHead {
    const [fence, info = ''] = /^`{1,8}([\w-]*)[ \t]*\r?\n/.exec(this.#rest) ?? []
    if (fence === undefined) return /^`{1,8}[\w-]{0,20}[ \t]*\r?$/.test(this.#rest) ? 'more' : 'text'
    if (!fence.startsWith('```') || !callInfos.has(info.toLowerCase())) return 'text'
    this.#isFenced ||= this.#wrapping === 'none'
    this.#isToolCode = info.startsWith('tool')
    if (this.#wrapping === 'none') this.#wrapping = 'fence'
    this.#at += fence.length
    return 'read'
  }

  #readToken(): 'read' | 'none' | 'more' {
    const rest = this.#rest
    const tokens = this.#wrapping === 'none' || this.#wrapping === 'fence' ? openingTokens : allTokens
    const token = tokens.find((one) => rest.startsWith(one))
    // `<|tool_call>` and `<|tool_call|>` differ in a character
    if (token === undefined) return tokens.some((one) => one.startsWith(rest)) ? 'more' : 'none'
    if (this.#wrapping !== 'own') this.#wrapping = 'foreign'
    this.#at += token.length
    return 'read'
  }

  #readElement(): 'read' | CallHead {
    const [whole, name = '', after = ''] = /^<([A-Za-z_][\w:.-]{0,127})(=?)/.exec(this.#rest) ?? []
    if (whole === undefined) return this.#rest === '<' ? 'more' : 'text'
    const plain = name.replace(/^antml:/, '')
    const isCut = whole.length === this.#rest.length
    if (isCut && this.#mayBecomeElement(plain)) return 'more'
    if ((plain === 'function' && after === '=') || plain === 'invoke') return this.#readCallElement()
    if (isCut) return 'text'
    if (!this.#isElement(plain)) return this.#readToolElement(plain)
    const [element, attributes = ''] = /^<[\w:.-]+((?:\s[^<>]{0,200})?)>/.exec(this.#rest) ?? []
    if (element === undefined) return /^<[\w:.-]+(\s[^<>]{0,200})?$/.test(this.#rest) ? 'more' : 'text'
    const written = nameIn(attributes)
    if (plain === 'function' && written !== undefined) return this.#readCallElement()
    this.#wrapping = plain === this.#options.marks.call ? 'own' : this.#wrapping === 'own' ? 'own' : 'foreign'
    this.#at += element.length
    if (written !== undefined) this.#named = this.#options.tools.find(written)
    return nameElements.has(plain) ? this.#readNameElement() : 'read'
  }

  /** Whether the element may stand around a call here. PromptWords as common as `name` may only stand within one. */
  #isElement(name: string): boolean {
    if (name === this.#options.marks.call || callElements.has(name)) return true
    return this.#wrapping !== 'none' && (nameElements.has(name) || argumentElements.has(name))
  }

  #mayBecomeElement(name: string): boolean {
    if (this.#options.marks.call.startsWith(name) || ['invoke', 'antml:'].some((one) => one.startsWith(name)))
      return true
    const within = this.#wrapping === 'none' ? [] : [...nameElements, ...argumentElements]
    return [...callElements, ...within].some((one) => one.startsWith(name)) || this.#options.tools.mayBegin(name)
  }

  /** `<tool_name>NAME</tool_name>` */
  #readNameElement(): 'read' | CallHead {
    const [whole, name = ''] = /^\s*([^<>]{1,128})<\/[\w:.-]+>/.exec(this.#rest) ?? []
    if (whole === undefined) return /^[^<>]{0,128}(<\/?[\w:.-]*)?$/.test(this.#rest) ? 'more' : 'text'
    this.#named = this.#options.tools.find(name)
    if (!this.#named) return 'text'
    this.#at += whole.length
    return this.#peekArguments(this.#named)
  }

  /** `<function=NAME>`, `<function name="NAME">`, `<invoke name="NAME">` */
  #readCallElement(): CallHead {
    const [whole, written] = callElement.exec(this.#rest) ?? []
    if (whole === undefined) return /^<[\w:.-]+[^<>]{0,200}$/.test(this.#rest) ? 'more' : 'text'
    const tool = this.#options.tools.find(written ?? '')
    if (!tool) return 'text'
    return this.#startElement(whole, tool)
  }

  #startElement(whole: string, tool: KnownTool): CallHead {
    if (this.#wrapping !== 'own') this.#wrapping = 'foreign'
    this.#at += whole.length
    const peeked = this.#peekArguments(tool)
    return peeked === 'read' ? this.#start({ type: 'arguments', tool }) : peeked
  }

  /** `<NAME>`, with an element for each argument within. */
  #readToolElement(name: string): CallHead {
    const tool = this.#options.tools.named(name)
    const [whole] = /^<[\w:.-]+\s*>/.exec(this.#rest) ?? []
    if (!tool) return 'text'
    if (whole === undefined) return /^<[\w:.-]+\s*$/.test(this.#rest) ? 'more' : 'text'
    return this.#startElement(whole, tool)
  }

  /** Looks whether JSON or elements follow. `read` for JSON, or for an element around it. */
  #peekArguments(tool: KnownTool): 'read' | CallHead {
    this.#skipSpace()
    const rest = this.#rest
    if (rest === '' || rest === '<') return 'more'
    if (rest[0] === '{') return 'read'
    const [whole, name = ''] = /^<([A-Za-z_][\w-]{0,40})>/.exec(rest) ?? []
    if (whole === undefined && /^<[A-Za-z_][\w-]{0,40}$/.test(rest)) return 'more'
    if (whole === undefined || Object.hasOwn(tool.properties, name) || !argumentElements.has(name))
      return this.#start({ type: 'elements', tool })
    this.#at += whole.length
    return this.#peekArguments(tool)
  }

  #readJson(): CallHead {
    const { tools } = this.#options
    const rest = this.#rest
    const [whole, , key = ''] = /^\[?\s*\{\s*(["']?)([\w$.-]{1,128})\1\s*:\s*(?=\S)/.exec(rest) ?? []
    if (whole === undefined) return jsonBeginning.test(rest) ? 'more' : 'text'
    const value = rest.slice(whole.length)
    if (nameMembers.includes(key) && /^["']/.test(value)) return this.#readNamed(whole.length, value)
    if (this.#wrapping === 'own' || this.#wrapping === 'foreign') return this.#start({ type: 'call' })
    return isCallMember(key, value, tools) ?? this.#start({ type: 'call' })
  }

  /** Reads the name in `{"name": "…"`, and whether the arguments follow it. */
  #readNamed(before: number, value: string): CallHead {
    const [quoted, , name = ''] = /^(["'])([^"'\\\n]{0,128})\1/.exec(value) ?? []
    if (quoted === undefined) return /^["'][^"'\\\n]{0,128}$/.test(value) ? 'more' : 'text'
    const isOwn = this.#wrapping === 'own'
    const tool = this.#options.tools.find(name)
    if (!tool) return isOwn && name !== placeholder ? this.#start({ type: 'call' }) : 'text'
    if (!isOwn) return this.#startNamed()
    const rest = value.slice(quoted.length)
    const [member, key = '', sign] = /^\s*,\s*"(\w{1,20})"\s*:\s*(\S)/.exec(rest) ?? []
    if (member === undefined) return namedBeginning.test(rest) ? 'more' : this.#startNamed()
    if (!argumentMembers.includes(key) || sign !== '{') return this.#startNamed()
    this.#at += before + quoted.length + member.length - 1
    return this.#start({ type: 'stream', tool })
  }

  /** `NAME[ARGS]{…}`, `function<｜tool▁sep｜>NAME`, `call:NAME{…}`, `functions.NAME:0<|…|>{…}`, `NAME(…)` */
  #readName(): CallHead {
    const prefix = /^(call:|function(?=<)|print\()\s*/.exec(this.#rest)?.[0] ?? ''
    const isPlain = this.#wrapping === 'none' || (this.#wrapping === 'fence' && !this.#isToolCode)
    if (!isPlain && prefix !== '') this.#at += prefix.length
    if (prefix.startsWith('function')) this.#readToken()
    const [name] = /^[A-Za-z_][\w.:/-]{0,127}/.exec(this.#rest) ?? []
    if (name === undefined) return !isPlain && isTokenBeginning(this.#rest) ? 'more' : 'text'
    if (name.length === this.#rest.length) return !isPlain || this.#options.tools.mayBegin(name) ? 'more' : 'text'
    const tool = this.#options.tools.find(name.replace(/[.:/]$/, ''))
    if (!tool) return 'text'
    this.#at += name.length
    return isPlain ? this.#readPlainArguments(tool) : this.#readArguments(tool)
  }

  #readPlainArguments(tool: KnownTool): CallHead {
    const mark = '[ARGS]'
    const rest = this.#rest
    if (rest.length <= mark.length) return `${mark}{`.startsWith(rest) ? 'more' : 'text'
    if (!rest.startsWith(`${mark}{`)) return 'text'
    this.#wrapping = 'foreign'
    this.#at += mark.length
    return this.#start({ type: 'arguments', tool })
  }

  #readArguments(tool: KnownTool): CallHead {
    for (;;) {
      this.#skipSpace()
      const rest = this.#rest
      if (rest === '' || '<arg_key>'.startsWith(rest)) return 'more'
      if (rest[0] === '{' || rest[0] === '(') return this.#start({ type: 'arguments', tool })
      if (rest.startsWith('</') && !needsArguments(tool)) return this.#start({ type: 'elements', tool })
      if (rest.startsWith('<arg_key>')) return this.#start({ type: 'elements', tool })
      const read = rest[0] === '`' ? this.#readFence() : this.#readToken()
      if (read !== 'read') return read === 'more' ? 'more' : 'text'
    }
  }
}

const allTokens = [...openingTokens, ...middleTokens]

/** The words after a fence that models put around calls. */
const callInfos = new Set([
  '',
  'json',
  'jsonc',
  'json5',
  'xml',
  'tool',
  'tool_call',
  'tool_calls',
  'tool_code',
  'tool_use',
])

const callElement = /^<[\w:.-]+(?:=["']?|\s+name\s*=\s*["'])([^"'<>]{1,128}?)["']?\s*>/
/** What may stand between the name and the arguments, before their beginning. */
const namedBeginning = /^\s*(,\s*("(\w{0,20}("\s*(:\s*)?)?)?)?)?$/
/** The beginning of an object, or of a list of objects, before the end of its first key. */
const jsonBeginning = /^\[?\s*(\{\s*(["']?[\w$.-]{0,128}(["']?\s*(:\s*)?)?)?)?$/

function needsArguments({ schema: { required } }: KnownTool): boolean {
  return Array.isArray(required) && required.length > 0
}

function isTokenBeginning(rest: string): boolean {
  return ['<', ...allTokens].some((token) => token.startsWith(rest))
}

function nameIn(attributes: string): string | undefined {
  return /\b(?:name|tool|function)\s*=\s*["']?([^"'\s<>]{1,128})/.exec(attributes)?.[1]
}

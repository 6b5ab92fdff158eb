import type { Fields, Part } from '../../chat/message.ts'
import type { ChatRequest, NativeRequest, OfferedTool, Parameter } from '../../chat/request.ts'
import type { ReadInput } from './decode-input.ts'
import { dialect } from './dialect.ts'
import type { ToolNames } from './tool-names.ts'

/** What was decoded from the members of a body, except for its messages. */
type ResponseMembers = Pick<ChatRequest, 'parameters' | 'extra'>

/** The body of a request. */
interface SentBody {
  readonly value: Fields
  /** Its JSON, if the body is plain and the JSON is known. */
  readonly bytes?: Uint8Array | undefined
}

/** What an upstream of this dialect must know of a body, besides what was decoded from it. */
export interface NativeParts {
  /** All items of the conversation, those of earlier responses included. */
  readonly items: readonly unknown[]
  /** What was read from the items. */
  readonly input: ReadInput
  readonly names: ToolNames
}

/** The messages of a body within a request: their number, and the parts that stand for others now. */
export interface KeptMessages {
  readonly count: number
  readonly parts: ReadonlyMap<Part, Part>
}

/** The body of a request, and what was decoded from it. An upstream of this dialect gets what has not changed since as it came. */
export class NativeResponse implements NativeRequest {
  readonly dialect = dialect
  readonly isComplete = true
  readonly value: Fields
  readonly bytes: Uint8Array | undefined
  readonly parts: NativeParts
  #members: ResponseMembers | undefined

  constructor({ value, bytes }: SentBody, parts: NativeParts) {
    this.value = value
    this.bytes = bytes
    this.parts = parts
  }

  /** A plain input has no reasoning, and nothing else that was sealed. */
  get hasExtra(): boolean {
    return this.parts.input.isRead
  }

  /** Notes what else was decoded from the body. */
  note(members: ResponseMembers): void {
    this.#members = members
  }

  /** A layer that changes the messages has read them, so messages that were never decoded are unchanged. */
  isIntact(request: ChatRequest): boolean {
    if (request.parameters !== this.#members?.parameters || request.extra !== this.#members.extra) return false
    const { input } = this.parts
    return !input.isRead || request.messages === input.messages
  }

  /**
   * Finds the messages of the body at the beginning of a request. Returns undefined if one of them says something else now. Fields that
   * must not go to this upstream may have been taken from their parts.
   */
  kept({ messages }: ChatRequest): KeptMessages | undefined {
    const known = this.parts.input.messages
    const parts = new Map<Part, Part>()
    for (const [at, message] of known.entries()) {
      const now = messages[at]
      if (now === message) continue
      if (now?.content.length !== message.content.length) return undefined
      for (const [place, part] of message.content.entries()) {
        const other = now.content[place]
        if (!other || !saysSame(part, other)) return undefined
        parts.set(part, other)
      }
    }
    return { count: known.length, parts }
  }

  /** The tools that a layer has added. */
  addedTools({ parameters: { tools = [] } }: ChatRequest): readonly OfferedTool[] {
    const known = new Set(this.#members?.parameters.tools?.map(({ name }) => name))
    return tools.filter(({ name }) => !known.has(name))
  }

  /** Whether one of these parameters has another value than in the body. */
  hasChanged({ parameters }: ChatRequest, names: readonly Parameter[]): boolean {
    return names.some((name) => parameters[name] !== this.#members?.parameters[name])
  }
}

/** Whether two parts differ in nothing but their extra fields. */
function saysSame(part: Part, other: Part): boolean {
  return part === other || Bun.deepEquals({ ...part, extra: {} }, { ...other, extra: {} })
}

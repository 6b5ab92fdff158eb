/** Fields that only the dialect they came from knows. */
export type Fields = Readonly<Record<string, unknown>>

/**
 * Such fields by the name of their dialect, e.g. `openai-chat`. They travel with the value they stood beside; a dialect
 * reads its own entry and no other.
 */
export type Extras = Readonly<Record<string, Fields>>

/** Where a text comes from: a URL, a document handed in, or a tool's output. Offsets count UTF-16 units of the answer's text. */
export interface Annotation {
  readonly url?: string
  readonly title?: string
  readonly start?: number
  readonly end?: number
  /** What the upstream says of the source beyond that, in its own words, for a reader. */
  readonly details?: Fields
  readonly extra?: Extras
}

/** Text of a message. */
export interface TextPart {
  readonly type: 'text'
  readonly text: string
  /** Of a text that a model wrote. */
  readonly annotations?: readonly Annotation[]
  readonly extra?: Extras
}

/** An image by `https:` or `data:` URL. */
export interface ImagePart {
  readonly type: 'image'
  readonly url: string
  readonly detail?: string
  /** What is said in its place to a model that takes no images. Without it the image cannot be left out. */
  readonly notice?: string
  readonly extra?: Extras
}

/** Sound, base64-encoded; `format` is a file ending such as `wav`. */
export interface AudioPart {
  readonly type: 'audio'
  readonly base64: string
  readonly format: string
  readonly extra?: Extras
}

/** A file: its content as a `data:` URL or base64, or the id under which the upstream keeps it. */
export interface FilePart {
  readonly type: 'file'
  readonly content?: string
  readonly fileId?: string
  readonly name?: string
  /** MIME type, where `content` does not say it. */
  readonly mediaType?: string
  readonly extra?: Extras
}

/** What a model thought. Its `extra` has what proves it to its upstream: a signature, an encrypted form. */
export interface ReasoningPart {
  readonly type: 'reasoning'
  readonly text: string
  readonly extra?: Extras
}

/** A refusal the model gave. */
export interface RefusalPart {
  readonly type: 'refusal'
  readonly text: string
  readonly extra?: Extras
}

/** A call the model made. `arguments` is the JSON text as the model wrote it, which may be invalid. */
export interface ToolCallPart {
  readonly type: 'tool-call'
  readonly id: string
  readonly name: string
  readonly arguments: string
  readonly extra?: Extras
}

/** A call that the upstream itself ran. */
export interface ServerToolCallPart {
  readonly type: 'server-tool-call'
  readonly id: string
  readonly name: string
  /** JSON text. */
  readonly arguments: string
  readonly extra?: Extras
}

/** What the upstream got for a call that it ran: all that is known of it is in `extra`. */
export interface ServerToolResultPart {
  readonly type: 'server-tool-result'
  readonly toolCallId: string
  readonly isError?: boolean
  readonly extra?: Extras
}

/** A part that the vocabulary has no word for: only an upstream of a dialect in `extra` understands it. */
export interface ForeignPart {
  readonly type: 'foreign'
  /** Its type in that dialect. */
  readonly name: string
  readonly extra: Extras
}

export type Part =
  | TextPart
  | ImagePart
  | AudioPart
  | FilePart
  | ReasoningPart
  | RefusalPart
  | ToolCallPart
  | ServerToolCallPart
  | ServerToolResultPart
  | ForeignPart

interface MessageBase {
  readonly content: readonly Part[]
  readonly name?: string
  readonly extra?: Extras
}

/** Instructions. `developer` is the newer name of `system`; an upstream that knows only one takes both as that. */
export interface SystemMessage extends MessageBase {
  readonly role: 'system' | 'developer'
}

export interface UserMessage extends MessageBase {
  readonly role: 'user'
}

/** What the model said: texts, thoughts and calls in the order in which they came. */
export interface AssistantMessage extends MessageBase {
  readonly role: 'assistant'
}

/** The result of the call `toolCallId`. */
export interface ToolMessage extends MessageBase {
  readonly role: 'tool'
  readonly toolCallId: string
  /** Whether the tool failed; absent where the client's dialect does not say. */
  readonly isError?: boolean
}

export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage

/** The text of some parts, joined; parts of other kinds are passed over. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

/** The message with each image's notice in its place, as far as it has one. */
export function withoutImages<M extends Message>(message: M): M {
  if (!hasNotices(message)) return message
  const content = message.content.map((part): Part => {
    return part.type === 'image' && part.notice !== undefined ? { type: 'text', text: part.notice } : part
  })
  return { ...message, content }
}

/** Whether a message has images that may be left out. */
export function hasNotices({ content }: Message): boolean {
  return content.some((part) => part.type === 'image' && part.notice !== undefined)
}

/** What was said: texts and refusals, joined. */
export function wordsOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : '')).join('')
}

/** The calls that a message makes, in order; a message of another role than the assistant's makes none. */
export function callsOf({ content }: Message): readonly ToolCallPart[] {
  return content.filter((part) => part.type === 'tool-call')
}

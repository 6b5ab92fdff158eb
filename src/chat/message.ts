/** Fields that only one dialect knows. */
export type Fields = Readonly<Record<string, unknown>>

/**
 * Fields of each dialect by its name, such as `openai-chat`. They stay with the value that they belong to, and a dialect
 * reads only its own entry.
 */
export type Extras = Readonly<Record<string, Fields>>

/** The upstream that made something, and its own name of the model. */
export interface ExtraOrigin {
  readonly upstream: string
  readonly model: string
}

/** The entry of `Extras` that has their origin. It is no dialect, so it is never sent to an upstream. */
const originKey = 'origin'

/** Returns the fields with their origin. */
export function withOrigin(extra: Extras, { upstream, model }: ExtraOrigin): Extras {
  return { ...extra, [originKey]: { upstream, model } }
}

/** Whether fields have an origin. */
export function hasOrigin(extra: Extras | undefined): extra is Extras {
  return extra?.[originKey] !== undefined
}

/** Whether fields with an origin come from another one. */
export function isOfAnother(extra: Extras, origin: ExtraOrigin): boolean {
  const own = extra[originKey]
  return own !== undefined && (own.upstream !== origin.upstream || own.model !== origin.model)
}

/** The source of a text: a URL, a document from the client, or a tool's output. Offsets count UTF-16 units of the answer's text. */
export interface Annotation {
  readonly url?: string
  readonly title?: string
  readonly start?: number
  readonly end?: number
  /** Anything else that the upstream says about the source, for a human reader. */
  readonly details?: Fields
  readonly extra?: Extras
}

/** Text of a message. */
export interface TextPart {
  readonly type: 'text'
  readonly text: string
  /** Only a text that a model wrote has them. */
  readonly annotations?: readonly Annotation[]
  readonly extra?: Extras
}

/** An image with an `https:` or `data:` URL. */
export interface ImagePart {
  readonly type: 'image'
  readonly url: string
  readonly detail?: string
  /** The text that replaces the image for a model that takes no images. Without it the image cannot be left out. */
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

/** A file: either its content as a `data:` URL or base64, or its id at the upstream. */
export interface FilePart {
  readonly type: 'file'
  readonly content?: string
  readonly fileId?: string
  readonly name?: string
  /** MIME type, if `content` does not contain it. */
  readonly mediaType?: string
  readonly extra?: Extras
}

/**
 * A model's reasoning. Its `extra` has a signature or an encrypted form. Without that, the upstream would not accept
 * the reasoning back.
 */
export interface ReasoningPart {
  readonly type: 'reasoning'
  readonly text: string
  readonly extra?: Extras
}

/** A refusal by the model. */
export interface RefusalPart {
  readonly type: 'refusal'
  readonly text: string
  readonly extra?: Extras
}

/** A tool call by the model. `arguments` is the model's own JSON text, which may be invalid. */
export interface ToolCallPart {
  readonly type: 'tool-call'
  readonly id: string
  readonly name: string
  readonly arguments: string
  readonly extra?: Extras
}

/** A tool call that the upstream ran itself. */
export interface ServerToolCallPart {
  readonly type: 'server-tool-call'
  readonly id: string
  readonly name: string
  /** JSON text. */
  readonly arguments: string
  readonly extra?: Extras
}

/** The result of a tool call that the upstream ran itself. Its content stands in `extra`. */
export interface ServerToolResultPart {
  readonly type: 'server-tool-result'
  readonly toolCallId: string
  readonly isError?: boolean
  readonly extra?: Extras
}

/** A part of a type that only the dialects in `extra` know. */
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

/** Instructions. `developer` is the newer name of `system`. An upstream that knows one name gets both under that name. */
export interface SystemMessage extends MessageBase {
  readonly role: 'system' | 'developer'
}

export interface UserMessage extends MessageBase {
  readonly role: 'user'
}

/** An answer of the model: texts, reasoning and tool calls in the order in which they came. */
export interface AssistantMessage extends MessageBase {
  readonly role: 'assistant'
}

/** The result of the tool call `toolCallId`. */
export interface ToolMessage extends MessageBase {
  readonly role: 'tool'
  readonly toolCallId: string
  /** Whether the tool failed. It is absent if the client's dialect does not say. */
  readonly isError?: boolean
}

export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage

/** The content of a tool's result for a dialect that cannot say that the tool failed: its text says so. */
export function markedContent({ content, isError }: ToolMessage): readonly Part[] {
  if (!isError) return content
  const [first, ...others] = content
  if (first?.type !== 'text') return [{ type: 'text', text: 'Error' }, ...content]
  return [{ ...first, text: first.text === '' ? 'Error' : `Error: ${first.text}` }, ...others]
}

/** Joins the text parts and skips all others. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

/** Replaces each image that has a notice by that notice. */
export function withoutImages<M extends Message>(message: M): M {
  if (!hasNotices(message)) return message
  const content = message.content.map((part): Part => {
    return part.type === 'image' && part.notice !== undefined ? { type: 'text', text: part.notice } : part
  })
  return { ...message, content }
}

/** Whether a message has images that can be left out. */
export function hasNotices({ content }: Message): boolean {
  return content.some((part) => part.type === 'image' && part.notice !== undefined)
}

/** Joins the texts and refusals. */
export function wordsOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : '')).join('')
}

/** Returns the tool calls of a message in order. Only an assistant's message has any. */
export function callsOf({ content }: Message): readonly ToolCallPart[] {
  return content.filter((part) => part.type === 'tool-call')
}

/** Fields that only the dialect they came from knows. They travel with the value they stood beside. */
export type Fields = Readonly<Record<string, unknown>>

/** Such fields by the dialect they are of. A dialect reads its own, and hands on no other's. */
export type Extras = Readonly<Record<string, Fields>>

/** Text of a message. */
export interface TextPart {
  readonly type: 'text'
  readonly text: string
  readonly extra?: Fields
}

/** An image by `https:` or `data:` URL. */
export interface ImagePart {
  readonly type: 'image'
  readonly url: string
  readonly detail?: string
  readonly extra?: Fields
}

/** Sound, base64-encoded; `format` is a file ending such as `wav`. */
export interface AudioPart {
  readonly type: 'audio'
  readonly base64: string
  readonly format: string
  readonly extra?: Fields
}

/** A file: its content as a `data:` URL or base64, or the id under which the upstream keeps it. */
export interface FilePart {
  readonly type: 'file'
  readonly content?: string
  readonly fileId?: string
  readonly name?: string
  readonly extra?: Fields
}

/** What a reasoning model thought, when a client hands it back in the history. */
export interface ReasoningPart {
  readonly type: 'reasoning'
  readonly text: string
  readonly extra?: Fields
}

/** A refusal the model gave, as it stands in the history. */
export interface RefusalPart {
  readonly type: 'refusal'
  readonly text: string
  readonly extra?: Fields
}

/** A part that the vocabulary has no word for: only an upstream of the same dialect understands it. */
export interface ForeignPart {
  readonly type: 'foreign'
  readonly name: string
  readonly extra: Fields
}

export type Part = TextPart | ImagePart | AudioPart | FilePart | ReasoningPart | RefusalPart | ForeignPart

/** A call the model made. `arguments` is the JSON text as the model wrote it, which may be invalid. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
  readonly extra?: Extras
}

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

export interface AssistantMessage extends MessageBase {
  readonly role: 'assistant'
  readonly toolCalls: readonly ToolCall[]
}

/** The result of the call `toolCallId`. */
export interface ToolMessage extends MessageBase {
  readonly role: 'tool'
  readonly toolCallId: string
}

export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage

/** The text of some parts, joined; parts of other kinds are passed over. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

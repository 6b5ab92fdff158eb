import type { Usage } from './event.ts'
import type { Fields } from './message.ts'
import type { Wishes } from './wishes.ts'

/** What an upstream is asked for beside chats, and its route, in OpenAI's API and in ours. */
export const taskRoutes = {
  embedding: '/embeddings',
  completion: '/completions',
  moderation: '/moderations',
  rerank: '/rerank',
  image: '/images/generations',
  speech: '/audio/speech',
  transcription: '/audio/transcriptions',
  translation: '/audio/translations',
} as const

export type Task = keyof typeof taskRoutes

/** A task, and the model that is asked for it. */
export interface AskedTask {
  readonly task: Task
  readonly model: string
}

/** The tasks whose requests and replies are relayed byte for byte. */
export type RelayedTask = Exclude<Task, 'embedding'>

export interface EmbeddingRequest {
  readonly task: 'embedding'
  readonly model: string
  readonly stream: false
  /** Texts, or lists of token numbers. There is at least one, and none is empty. */
  readonly inputs: readonly EmbeddingInput[]
  /** How many numbers each embedding should have. */
  readonly dimensions?: number
  /** Whether the client wants base64, so that an upstream may be asked for it too. */
  readonly wantsBase64: boolean
  /** Other members of the client's body, such as `user` or `input_type`. */
  readonly extra: Fields
  /** What the client wants of the gateway itself. */
  readonly wishes?: Wishes
}

export type EmbeddingInput = string | readonly number[]

/** The numbers, or the same numbers as little-endian 32-bit floats in base64. */
export type Embedding = readonly number[] | string

export type EmbeddingEvent =
  | {
      readonly type: 'embeddings'
      /** One for each input, in the same order. */
      readonly embeddings: readonly Embedding[]
    }
  | TaskUsageEvent

export interface RelayRequest {
  readonly task: RelayedTask
  readonly model: string
  readonly stream: boolean
  /** The type of the body with its parameters, such as the boundary of a multipart body. */
  readonly contentType: string
  /** What the client wants of the gateway itself. */
  readonly wishes?: Wishes
  /** Returns the bytes of the body with this name of the model, and with these members. It may be called more than once. */
  body(model: string, added?: Fields): readonly Uint8Array[]
}

export type RelayEvent =
  | {
      /** The first event: the upstream accepted the request. */
      readonly type: 'head'
      readonly contentType: string | undefined
    }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | TaskUsageEvent

interface TaskUsageEvent {
  readonly type: 'usage'
  readonly usage: Usage
}

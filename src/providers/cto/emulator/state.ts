import type { EmulatedWebSocket } from '../../../wire/emulator/websocket.ts'
import type { CtoScript } from './script.ts'

/** A user who is signed in. */
export interface EmulatedUser {
  /** The value of `__client`; Clerk may rotate it. */
  cookie: string
  readonly userId: string
  readonly organizationId: string
  /** Ids of sessions. The first was active last, unless `lastActive` names another. */
  sessions: string[]
  lastActive?: string
  /** The sessions that have ended. */
  ended?: readonly string[]
  isBanned?: boolean
}

/** A prompt that has arrived. */
export interface ReceivedPrompt {
  readonly userId: string
  readonly chatHistoryId: string
  readonly model: string
  readonly prompt: string
}

/** A conversation as the service keeps it. */
export interface EmulatedThread {
  readonly userId: string
  readonly workspaceId: string
  readonly prompts: string[]
  /** The messages that were sent to its subscribers. With `replays`, later subscribers get them too. */
  readonly sent: Uint8Array[]
}

export interface CtoEmulatorOptions {
  readonly users?: readonly EmulatedUser[]
  /** The version of the protocol; `v1` by default. */
  readonly protocol?: 'v1' | 'v2'
  /** Chooses the script of a chat. If it returns undefined, the emulator sends its own answer. */
  readonly reply?: (chat: ReceivedPrompt) => CtoScript | undefined
  /** Returns the HTTP status that refuses the next socket; undefined to accept it. */
  readonly refuseSocket?: () => number | undefined
  /** Sends a thread's earlier messages to each new subscriber. */
  readonly replays?: boolean
  /** Sends a new cookie with every reply of Clerk's to a user who may sign in. */
  readonly rotates?: boolean
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number
  /** Seconds for which a token is valid; 60 by default. */
  readonly tokenLife?: number
  readonly hasReachedLimit?: () => boolean
}

/** The state that the parts of the emulator share. */
export interface CtoState extends Required<Pick<CtoEmulatorOptions, 'protocol' | 'now' | 'tokenLife'>> {
  readonly options: CtoEmulatorOptions
  readonly users: readonly EmulatedUser[]
  readonly signingKey: string
  readonly chats: ReceivedPrompt[]
  readonly threads: Map<string, EmulatedThread>
  /** The chosen model of each organisation. */
  readonly models: Map<string, string>
  /** Sockets, by the thread that they listen to. */
  readonly subscribers: Map<string, Set<EmulatedWebSocket>>
}

export const emulatedOrigin = 'https://cto.new'
export const emulatedApiVersion = '2025-04-10'
export const emulatedModels = {
  v1: ['ClaudeSonnet4_5', 'GPT5'],
  v2: ['gpt_5_4', 'glm_5_1'],
} as const

/** A reply that is not streamed, or what happens in its place: the connection is closed, or nothing is sent. */
export type EmulatedReply =
  | {
      readonly status: number
      /** Sent as JSON. Without it the body is empty. */
      readonly body?: unknown
      readonly headers?: Readonly<Record<string, string>>
    }
  | 'fin'
  | 'rst'
  | 'silent'

import type { EmulatedWebSocket } from '../../wire/websocket-emulator.ts'
import type { CtoScript } from './emulated-script.ts'

/** Somebody who is signed in. */
export interface EmulatedUser {
  /** The value of `__client`; Clerk may rotate it. */
  cookie: string
  readonly userId: string
  readonly organizationId: string
  /** Ids of sessions; the first is the one that was active last, unless `lastActive` says otherwise. */
  sessions: string[]
  lastActive?: string
  /** Those of the sessions that have ended. */
  ended?: readonly string[]
  isBanned?: boolean
}

/** A prompt that has arrived. */
export interface EmulatedChat {
  readonly userId: string
  readonly chatHistoryId: string
  readonly model: string
  readonly prompt: string
}

/** A conversation, as the service keeps it. */
export interface EmulatedThread {
  readonly userId: string
  readonly workspaceId: string
  readonly prompts: string[]
  /** What its subscribers were sent, for one who comes late. */
  readonly sent: Uint8Array[]
}

export interface CtoEmulatorOptions {
  readonly users?: readonly EmulatedUser[]
  /** The generation that is spoken: `v1`. */
  readonly protocol?: 'v1' | 'v2'
  /** How a chat is answered; by itself where there is no script. */
  readonly reply?: (chat: EmulatedChat) => CtoScript | undefined
  /** An HTTP status by which the next socket is refused. */
  readonly refuseSocket?: () => number | undefined
  /** Sends what a thread has been sent to a subscriber that comes late, too. */
  readonly replays?: boolean
  /** Gives another cookie with every token. */
  readonly rotates?: boolean
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Of a token, seconds; 60. */
  readonly tokenLife?: number
  readonly hasReachedLimit?: () => boolean
}

/** What the parts of the emulator share. */
export interface CtoState extends Required<Pick<CtoEmulatorOptions, 'protocol' | 'now' | 'tokenLife'>> {
  readonly options: CtoEmulatorOptions
  readonly users: readonly EmulatedUser[]
  readonly signingKey: string
  readonly chats: EmulatedChat[]
  readonly threads: Map<string, EmulatedThread>
  /** The setting of each organisation. */
  readonly models: Map<string, string>
  /** Sockets, by the thread they listen to. */
  readonly subscribers: Map<string, Set<EmulatedWebSocket>>
}

export const emulatedOrigin = 'https://cto.new'
export const emulatedApiVersion = '2025-04-10'
export const emulatedModels = {
  v1: ['ClaudeSonnet4_5', 'GPT5'],
  v2: ['gpt_5_4', 'glm_5_1'],
} as const

/** A reply that is not streamed, or what there is in place of one: hanging up, or nothing. */
export type EmulatedReply =
  | {
      readonly status: number
      /** Sent as JSON; without it the body is empty. */
      readonly body?: unknown
      readonly headers?: Readonly<Record<string, string>>
    }
  | 'fin'
  | 'rst'
  | 'silent'

import type { EmulatedExchange } from './http.ts'
import type { Script } from './script.ts'

/** The chats that an emulated service got, and the answers to the next ones. */
export interface ScriptedChats<Chat> {
  /** The bodies of all valid chat requests, in order. */
  readonly chats: readonly Chat[]
  /** When each connection with a chat was closed, as `performance.now()`. */
  readonly closedAt: readonly number[]
  /** Answers each of the next chat requests with one of these scripts. */
  script(...scripts: readonly Script[]): void
}

interface ChatRecord<Chat> {
  /** The part that the tests see. */
  readonly seen: ScriptedChats<Chat>
  /** Records a chat. @returns what `choose` gives, or else the next script; undefined if there is none */
  record(exchange: EmulatedExchange, chat: Chat, choose: () => Script | undefined): Script | undefined
}

export function scriptedChats<Chat>(): ChatRecord<Chat> {
  const scripts: Script[] = []
  const chats: Chat[] = []
  const closedAt: number[] = []
  return {
    seen: { chats, closedAt, script: (...more) => void scripts.push(...more) },
    record: (exchange, chat, choose) => {
      chats.push(chat)
      void exchange.closed.then((at) => closedAt.push(at))
      return choose() ?? scripts.shift()
    },
  }
}

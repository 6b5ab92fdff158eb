import type { ChatEvent } from '../chat/event.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { Call } from './call.ts'

/**
 * Everything between a client and an upstream. Its events follow the laws of `docs/laws.md`: one `finish` a choice and
 * then at most `usage`, or a thrown ChatError; aborting `call.signal` ends every wait and frees what was opened.
 * @typeParam Needs what a layer must have added to the call, e.g. `{ account: Account }`
 */
export type Chat<Needs = unknown> = (request: ChatRequest, call: Call & Needs) => AsyncIterable<ChatEvent>

/** Improves a chat. A layer that gives something takes that need away: `account` gives `{ account }`. */
export type Layer<Gives = unknown> = <Needs>(next: Chat<Needs & Gives>) => Chat<Needs>

/** A layer that only looks on: what it is laid over may have events beyond the vocabulary too, such as `Known`. */
export type Onlooker<Known = unknown> = <Needs, Event extends Known>(
  next: (request: ChatRequest, call: Call & Needs) => AsyncIterable<Event>,
) => (request: ChatRequest, call: Call & Needs) => AsyncIterable<Event>

/** Makes one chat of several. */
export type Combine = (chats: readonly Chat[]) => Chat

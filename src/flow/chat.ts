import type { ChatRequest } from '../chat/request.ts'
import type { Call } from './call.ts'
import type { Flow } from './flow.ts'

/**
 * Everything between a client and an upstream. Its events follow the laws of `docs/laws.md`: one `finish` a choice and
 * then at most `usage`, or a thrown ChatError. Aborting `call.signal`, or closing the flow, ends every wait and frees what was
 * opened. Nothing is asked before the flow is read. It may also throw instead of giving a flow.
 * @typeParam Needs what a layer must have added to the call, e.g. `{ account: Account }`
 */
export type Chat<Needs = unknown> = (request: ChatRequest, call: Call & Needs) => Flow

/** Improves a chat. A layer that gives something takes that need away: `account` gives `{ account }`. */
export type Layer<Gives = unknown> = <Needs>(next: Chat<Needs & Gives>) => Chat<Needs>

/** A layer that changes no event: what it is laid over may have events beyond the vocabulary too, such as `Known`. */
export type ObserverLayer<Known = unknown> = <Needs, Event extends Known>(
  next: (request: ChatRequest, call: Call & Needs) => Flow<Event>,
) => (request: ChatRequest, call: Call & Needs) => Flow<Event>

/** Makes one chat of several. */
export type Combine = (chats: readonly Chat[]) => Chat

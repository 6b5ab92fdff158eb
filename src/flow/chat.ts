import type { ChatRequest } from '../chat/request.ts'
import type { Call } from './call.ts'
import type { Flow } from './flow.ts'

/**
 * The one interface between a client and an upstream. Its events follow `docs/laws.md`: each choice has one `finish`,
 * and only `usage` may follow it. Otherwise the flow throws a ChatError. Aborting `call.signal`, or closing the flow,
 * ends every wait and frees all resources. No upstream is asked before the flow is read. The function may also throw
 * instead of returning a flow.
 * @typeParam Needs what a layer must have added to the call, e.g. `{ account: Account }`
 */
export type Chat<Needs = unknown> = (request: ChatRequest, call: Call & Needs) => Flow

/**
 * Wraps a chat. A layer may add something to the call that the inner chat needs: the account layer adds an
 * `account`.
 */
export type Layer<Gives = unknown> = <Needs>(next: Chat<Needs & Gives>) => Chat<Needs>

/** A layer that changes no event, so the inner chat may have other events than chat events. */
export type ObserverLayer<Known = unknown> = <Needs, Event extends Known>(
  next: (request: ChatRequest, call: Call & Needs) => Flow<Event>,
) => (request: ChatRequest, call: Call & Needs) => Flow<Event>

/** Combines several chats into one. */
export type Combine = (chats: readonly Chat[]) => Chat

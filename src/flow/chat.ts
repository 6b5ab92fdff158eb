import type { ChatEvent } from '../chat/event.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { Call } from './call.ts'
import type { Flow } from './flow.ts'

/** Answers one kind of request with one kind of event. A chat is the most frequent one. */
export type Ask<Request, Event, Needs = unknown> = (request: Request, call: Call & Needs) => Flow<Event>

/**
 * The one interface between a client and an upstream. Its events follow `docs/laws.md`: each choice has one `finish`,
 * and only `usage` may follow it. Otherwise the flow throws a ChatError. Aborting `call.signal`, or closing the flow,
 * ends every wait and frees all resources. No upstream is asked before the flow is read. The function may also throw
 * instead of returning a flow.
 * @typeParam Needs what a layer must have added to the call, e.g. `{ account: Account }`
 */
export type Chat<Needs = unknown> = Ask<ChatRequest, ChatEvent, Needs>

/**
 * Wraps a chat. A layer may add something to the call that the inner chat needs: the account layer adds an
 * `account`.
 */
export type Layer<Gives = unknown> = <Needs>(next: Chat<Needs & Gives>) => Chat<Needs>

/**
 * A layer that changes neither the request nor an event, so it is also for requests that are no chats.
 * @typeParam Asked what it reads of a request
 * @typeParam Known the events that it looks at
 */
export type ObserverLayer<Asked = unknown, Known = unknown> = <Request extends Asked, Event extends Known, Needs>(
  next: Ask<Request, Event, Needs>,
) => Ask<Request, Event, Needs>

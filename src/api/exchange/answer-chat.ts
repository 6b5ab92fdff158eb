import type { ChatRequest } from '../../chat/request.ts'
import type { AnyEvent } from '../../flow/begin.ts'
import { endAfter } from '../../flow/end-after.ts'
import type { Flow } from '../../flow/flow.ts'
import { type Answer, fold } from '../../flow/fold.ts'
import { type AnswerSupport, noteLosses } from '../../flow/losses.ts'
import { nextTurn } from '../../flow/next-turn.ts'
import type { OpenCall } from './calls.ts'
import type { AnswerBody, Exchange } from './exchange.ts'
import { type BodyLimits, type JsonBody, readJsonBody } from './read-body.ts'
import { respondJson, respondStream } from './respond.ts'
import { respondResumable, wantsResumable } from './resumable.ts'
import type { RunningChat, Services } from './services.ts'
import type { StreamSurface } from './stream-body.ts'

/** Fields of an answer that are not in its events. */
export interface AnswerLabel {
  /** The id of the request. */
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
}

/** A chat protocol as a surface speaks it. */
export interface ChatProtocol<Decoded extends { readonly request: ChatRequest }> {
  /** The parts of an answer that the protocol can express. The receipt names the parts that were lost. */
  support(decoded: Decoded): AnswerSupport
  /** Reads a body. @throws ChatError */
  decode(body: JsonBody, exchange: Exchange, services: Services): Decoded | Promise<Decoded>
  /** Writes the answer event by event. */
  stream(decoded: Decoded, label: AnswerLabel): StreamSurface
  /** Returns the function that writes the body of an answer that is sent whole. */
  whole(decoded: Decoded, label: AnswerLabel): (answer: Answer) => AnswerBody | Promise<AnswerBody>
}

/**
 * Makes a handler that sends a body of this protocol to the gateway, and answers with a stream or with one JSON body.
 */
export function answerChat<Decoded extends { readonly request: ChatRequest }>(
  protocol: ChatProtocol<Decoded>,
): ChatHandler {
  return answerBody(
    (body, exchange, services) => protocol.decode(body, exchange, services),
    (decoded, running) => answerDecoded(protocol, decoded, running),
  )
}

/** Sends a decoded request to the gateway, and answers with a stream or with one JSON body. */
export function answerDecoded<Decoded extends { readonly request: ChatRequest }>(
  protocol: ChatProtocol<Decoded>,
  decoded: Decoded,
  running: RunningChat,
): Promise<Response> {
  const { exchange, open, services } = running
  const ask = (asking: OpenCall) => openAnswer(protocol, decoded, { open: asking, services })
  // from here on the gateway writes the request's log line
  exchange.isLogged = true
  const label = { id: exchange.id, created: Math.floor(exchange.runtime.now() / 1000) }
  if (!decoded.request.stream)
    return respondJson(exchange, open, { answer: fold(ask(open)), write: protocol.whole(decoded, label) })
  const surface = protocol.stream(decoded, label)
  const kept = (answer: Flow) => (surface.kept ? endAfter(answer, (error) => surface.kept?.(error)) : answer)
  if (wantsResumable(exchange)) return respondResumable(running, { surface, ask: (asking) => kept(ask(asking)) })
  return respondStream(exchange, open, { answer: kept(ask(open)), surface, keepAliveMs: services.keepAliveMs })
}

/** Asks the gateway. The receipt names what of the answer the protocol cannot express. */
export function openAnswer<Decoded extends { readonly request: ChatRequest }>(
  { support }: Pick<ChatProtocol<Decoded>, 'support'>,
  decoded: Decoded,
  { open: { call }, services }: Pick<RunningChat, 'open' | 'services'>,
): Flow {
  return noteLosses(services.gateway.chat(decoded.request, call), support(decoded), call.receipt.lost)
}

/** A chat protocol whose answer has its own kind of events, and is always a stream. */
export interface StreamProtocol<Decoded, Event extends AnyEvent> {
  /** Reads a parsed body. @throws ChatError */
  decode(body: unknown, exchange: Exchange): Decoded | Promise<Decoded>
  /** Answers the request. A failure is logged with the request, unless `exchange.isLogged` is set. */
  answer(decoded: Decoded, running: RunningChat): Flow<Event>
  readonly surface: StreamSurface<Event>
  /** The caller's own name for its newest stream of this kind, so that it can be read again. */
  nameOf(decoded: Decoded): string
}

/** Makes a handler for a stream protocol. */
export function answerStream<Decoded, Event extends AnyEvent>(protocol: StreamProtocol<Decoded, Event>): ChatHandler {
  return answerBody(
    ({ value }, exchange) => protocol.decode(value, exchange),
    (decoded, running) => {
      const { exchange, open, services } = running
      const { surface } = protocol
      const ask = (asking: OpenCall) => protocol.answer(decoded, { exchange, services, open: asking })
      if (wantsResumable(exchange)) return respondResumable(running, { surface, ask, name: protocol.nameOf(decoded) })
      return respondStream(exchange, open, { answer: ask(open), surface, keepAliveMs: services.keepAliveMs })
    },
  )
}

export type ChatHandler = (exchange: Exchange, services: Services) => Promise<Response>

/**
 * Opens a call, reads and decodes the body, and responds. The response closes the call; a failure here closes it too.
 */
export function answerBody<Decoded>(
  decode: Decode<JsonBody, Decoded>,
  respond: (decoded: Decoded, running: RunningChat) => Promise<Response>,
): ChatHandler {
  return answerRead(readJsonBody, decode, respond)
}

type Decode<Body, Decoded> = (body: Body, exchange: Exchange, services: Services) => Decoded | Promise<Decoded>

/** Does the same as `answerBody` for a body that `read` reads. */
export function answerRead<Body, Decoded>(
  read: (request: Request, limits: BodyLimits) => Promise<Body>,
  decode: Decode<Body, Decoded>,
  respond: (decoded: Decoded, running: RunningChat) => Promise<Response>,
): ChatHandler {
  return async (exchange, services) => {
    const open = services.calls.open(exchange)
    try {
      const limits = { maxBytes: services.maxBodyBytes, signal: open.call.signal }
      const decoding = decode(await read(exchange.request, limits), exchange, services)
      const decoded = decoding instanceof Promise ? await decoding : decoding
      return await respond(decoded, { exchange, open, services })
    } catch (thrown) {
      open.close()
      throw thrown
    }
  }
}

/** Runs a long decoding step by step. Between two steps other requests get their turn. */
export async function inTurns<Decoded>(steps: Generator<unknown, Decoded>): Promise<Decoded> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await nextTurn()
  }
}

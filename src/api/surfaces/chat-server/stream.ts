import { ChatError } from '../../../chat/error.ts'
import type { Message } from '../../../chat/message.ts'
import type { ChatRequest } from '../../../chat/request.ts'
import type { Question, TurnOrAnswer } from '../../../conversations/conversations.ts'
import type { SessionKey } from '../../../conversations/session-key.ts'
import { dialect } from '../../../dialects/openai-chat/dialect.ts'
import type { Cancel } from '../../../flow/cancel.ts'
import { type Batch, type Flow, flowOf } from '../../../flow/flow.ts'
import type { ToolChatWishes } from '../../../gateway/tool-chat.ts'
import { type ChosenTools, checkChosen, chosenTools } from '../../../gateway/tool-loop/chosen-tools.ts'
import { answerStream } from '../../exchange/answer-chat.ts'
import { queryOf } from '../../exchange/answer-json.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { RunningChat } from '../../exchange/services.ts'
import { answer as record } from './answer.ts'
import { type ChosenModel, chooseModel, modelConfigOf, parametersOf } from './choose-model.ts'
import { type ServerEvent, surface } from './event.ts'
import { Recorder } from './recorder.ts'
import { replay } from './replay.ts'
import { sessionStream } from './resume.ts'
import { type RunningRequest, runningOf } from './running.ts'
import type { DirectBody, ModelConfig, StreamBody } from './schema.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./schema.ts') => require('./schema.ts')

/** A decoded request of either route. */
interface StreamRequest {
  readonly whose: SessionKey
  readonly config: ModelConfig
  readonly requestId: string | undefined
  /** The new message, which the session stores; undefined if the caller keeps the conversation. */
  readonly content?: string
  /** The conversation, if the caller keeps it. */
  readonly messages?: readonly Message[]
  /** The chosen tools, for this request and the later ones of the session. */
  readonly tools?: readonly string[]
  readonly wait: boolean
}

/** `POST /api/chat/stream`: the next message of a session. */
export const streamChat = answerStream<StreamRequest, ServerEvent>({
  decode(body, exchange) {
    const read = schemas().readStreamBody(body)
    return { ...about(exchange, read), content: read.content }
  },
  answer,
  surface,
  nameOf,
})

/** `POST /api/chat/stream/direct`: the caller keeps the conversation, and the session stores only the answer. */
export const streamDirect = answerStream<StreamRequest, ServerEvent>({
  decode(body, exchange) {
    const read = schemas().readDirectBody(body)
    return { ...about(exchange, read), messages: read.messages.map(toMessage) }
  },
  answer,
  surface,
  nameOf,
})

function nameOf({ whose }: StreamRequest): string {
  return sessionStream(whose.session)
}

function about(exchange: Exchange, body: Omit<StreamBody, 'content'>): Omit<StreamRequest, 'content' | 'messages'> {
  return {
    whose: { client: exchange.caller.id, session: body.session_id },
    config: modelConfigOf(body),
    requestId: body.request_id ?? undefined,
    ...(body.tools && { tools: body.tools }),
    wait: queryOf(exchange, 'wait') === 'true',
  }
}

function toMessage({ role, content }: DirectBody['messages'][number]): Message {
  return { role, content: [{ type: 'text', text: content }] }
}

function answer(asked: StreamRequest, running: RunningChat): Flow<ServerEvent> {
  return flowOf(() => run(asked, running), running.open.call.signal)
}

/** The code of the error with which `POST /api/chat/abort` stops a request. */
const aborted = 'aborted'

/** Answers a request. It can be aborted from the first moment, also while it waits for its session. */
async function* run(
  asked: StreamRequest,
  { exchange, services, open }: RunningChat,
): AsyncGenerator<Batch<ServerEvent>> {
  const ended = Promise.withResolvers<Awaited<RunningRequest['ended']>>()
  const abort = () => open.abort(new ChatError('cancelled', { message: 'The request was aborted.', code: aborted }))
  const { session } = asked.whose
  const remove = runningOf(services).add(asked.whose, { abort, ended: ended.promise })
  void ended.promise.then(remove)
  const { signal, caller } = open.call
  try {
    const chosen = await chooseModel(asked.config, { ...services, signal, caller })
    if (asked.tools) await checkChosen(asked.tools, services.tools, signal)
    const opened = await openTurn(asked, chosen, { services, open })
    if (opened.kind === 'answered') return yield await replay(asked.whose, opened.answer, services.conversations)
    const recorder = new Recorder(opened.turn, signal)
    void recorder.settled.then(ended.resolve)
    const request = requestOf(asked, chosen, asked.messages ?? opened.turn.messages(chosen.model))
    // from here on the gateway writes the request's log line
    exchange.isLogged = true
    const wishes = wishesOf(
      asked,
      chosen,
      opened.turn.tools && chosenTools(opened.turn.tools, services.tools.servers()),
    )
    const call = { ...open.call, session: () => session }
    yield* record(services.gateway.toolChat(request, call, wishes), { session, recorder, signal })
  } catch (thrown) {
    ended.resolve(signal.aborted ? 'cancelled' : 'failed')
    if (!isAbort(signal)) throw signal.aborted ? signal.reason : thrown
    yield [{ type: 'cancelled', message: 'Chat request aborted' }]
  } finally {
    ended.resolve('completed')
  }
}

function wishesOf(
  { config }: StreamRequest,
  { own, toolBounds }: ChosenModel,
  choice: ChosenTools | undefined,
): ToolChatWishes {
  return {
    useTools: config.use_tools ?? true,
    ...(choice && { choice }),
    ...(own && { own }),
    ...(toolBounds && { ownBounds: toolBounds }),
  }
}

function isAbort({ reason }: Cancel): boolean {
  return reason instanceof ChatError && reason.code === aborted
}

function openTurn(
  { whose, content, requestId, tools, wait }: StreamRequest,
  { model }: ChosenModel,
  { services, open }: Pick<RunningChat, 'services' | 'open'>,
): Promise<TurnOrAnswer> {
  const question: Question = {
    model,
    ...(content !== undefined && { content }),
    ...(requestId !== undefined && { requestId }),
    ...(tools && { tools }),
  }
  return services.conversations.open(whose, question, { wait, signal: open.call.signal })
}

function requestOf({ config }: StreamRequest, { model }: ChosenModel, messages: readonly Message[]): ChatRequest {
  // the caller's `temperature` and `max_tokens` mean the same as OpenAI's
  return { dialect, model, messages, ...parametersOf(config), extra: {}, stream: true }
}

import type { Fields } from '../../chat/message.ts'
import { emptyAnswer } from '../../chat/reply-errors.ts'
import type { RelayEvent, RelayRequest } from '../../chat/task.ts'
import { isFields } from '../../dialects/fields.ts'
import type { Call } from '../../flow/call.ts'
import { type Batch, type Flow, flowOf } from '../../flow/flow.ts'
import type { BodyFilter } from '../../wire/fetch-like.ts'
import { send } from '../../wire/http.ts'
import type { HttpReply } from '../../wire/http-reply.ts'
import { isPage, pageError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { jsonOrUndefined } from '../../wire/json.ts'
import { isAnswer, notAnswered } from '../../wire/post-json.ts'
import { noteQuota } from '../../wire/quota-headers.ts'
import { UsageTail } from './tail-usage.ts'
import type { UnservedTasks } from './unserved-tasks.ts'

/** How a task differs from OpenAI's. Then it is not relayed, but translated. */
export interface TaskTranslation {
  encode(body: Fields): Fields
  /** Begins the translation of a reply. */
  reply(contentType: string): BodyFilter
}

/** Where a request is relayed to. */
export interface RelayTarget {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly readComplaint: (body: unknown) => UpstreamComplaint
  readonly translation?: TaskTranslation | undefined
  /** Members that are added to a JSON body. */
  readonly added?: Fields | undefined
  /** Learns from refusals. */
  readonly unserved: UnservedTasks
}

/** Sends a request as it is, with the upstream's name of the model, and gives the bytes of the reply as they come. */
export function relayTask(target: RelayTarget, request: RelayRequest, call: Call): Flow<RelayEvent> {
  return flowOf((signal) => relayed(target, request, { ...call, signal }), call.signal)
}

async function* relayed(
  target: RelayTarget,
  request: RelayRequest,
  { hops, signal, noteQuota: note }: Call,
): AsyncGenerator<Batch<RelayEvent>> {
  const { url, headers, readComplaint, unserved, translation } = target
  const { stream, contentType } = request
  const accept = stream ? 'text/event-stream' : '*/*'
  const own = { 'content-type': contentType, accept, 'x-tributary-hops': String(hops + 1) }
  const reply = await send(
    { method: 'POST', url, headers: { ...own, ...headers }, body: bodyOf(request, target) },
    signal,
  )
  noteQuota(note, reply)
  if (!isAnswer(reply)) throw unserved.learn(await notAnswered(reply, readComplaint), request, signal)
  if (isPage(reply.headers)) throw pageError(reply, await reply.text().catch(() => ''))
  const type = reply.headers.get('content-type') ?? undefined
  const head: Batch<RelayEvent> = [{ type: 'head', contentType: type }]
  const tail = new UsageTail()
  // the head waits for the first byte: a reply that breaks off before it can be asked for again
  let hasBegun = false
  for await (const bytes of translation ? translated(reply, translation.reply(type ?? '')) : reply.body) {
    if (!hasBegun) yield head
    hasBegun = true
    tail.push(bytes)
    yield [{ type: 'bytes', bytes }]
  }
  if (!hasBegun && !mayHaveNoByte(type)) throw emptyAnswer()
  if (!hasBegun) yield head
  const usage = tail.usage()
  if (usage) yield [{ type: 'usage', usage }]
}

/** Whether a reply of this type may have no byte: the transcript of silence is an empty text. */
function mayHaveNoByte(contentType = ''): boolean {
  return /^text\/(?!event-stream)/i.test(contentType)
}

function bodyOf({ model, body }: RelayRequest, { translation, added }: RelayTarget): readonly Uint8Array[] {
  const pieces = body(model, added)
  if (!translation) return pieces
  const value = jsonOrUndefined(Buffer.concat(pieces).toString('utf8'))
  return [Buffer.from(JSON.stringify(translation.encode(isFields(value) ? value : {})))]
}

async function* translated({ body }: HttpReply, filter: BodyFilter): AsyncGenerator<Uint8Array> {
  for await (const bytes of body) {
    const pushed = filter.push(bytes)
    if (pushed.byteLength > 0) yield pushed
  }
  const rest = filter.rest()
  if (rest.byteLength > 0) yield rest
}

import type { RelayEvent, RelayRequest } from '../../chat/task.ts'
import type { Call } from '../../flow/call.ts'
import type { Cancel } from '../../flow/cancel.ts'
import { type Batch, type Flow, flowOf } from '../../flow/flow.ts'
import { send } from '../../wire/http.ts'
import { isPage, pageError, type UpstreamComplaint } from '../../wire/http-status.ts'
import { isAnswer, notAnswered } from '../../wire/post-json.ts'
import { UsageTail } from './tail-usage.ts'
import type { UnservedTasks } from './unserved-tasks.ts'

/** Where a request is relayed to. */
export interface RelayTarget {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly readComplaint: (body: unknown) => UpstreamComplaint
  /** Learns from refusals. */
  readonly unserved: UnservedTasks
}

/** Sends a request as it is, with the upstream's name of the model, and gives the bytes of the reply as they come. */
export function relayTask(target: RelayTarget, request: RelayRequest, call: Call): Flow<RelayEvent> {
  return flowOf((signal) => relayed(target, request, { hops: call.hops, signal }), call.signal)
}

interface Relaying {
  readonly hops: number
  readonly signal: Cancel
}

async function* relayed(
  { url, headers, readComplaint, unserved }: RelayTarget,
  request: RelayRequest,
  { hops, signal }: Relaying,
): AsyncGenerator<Batch<RelayEvent>> {
  const { model, stream, contentType } = request
  const accept = stream ? 'text/event-stream' : '*/*'
  const own = { 'content-type': contentType, accept, 'x-tributary-hops': String(hops + 1) }
  const reply = await send({ method: 'POST', url, headers: { ...own, ...headers }, body: request.body(model) }, signal)
  if (!isAnswer(reply)) throw unserved.learn(await notAnswered(reply, readComplaint), request, signal)
  if (isPage(reply.headers)) throw pageError(reply, await reply.text().catch(() => ''))
  yield [{ type: 'head', contentType: reply.headers.get('content-type') ?? undefined }]
  const tail = new UsageTail()
  for await (const bytes of reply.body) {
    tail.push(bytes)
    yield [{ type: 'bytes', bytes }]
  }
  const usage = tail.usage()
  if (usage) yield [{ type: 'usage', usage }]
}

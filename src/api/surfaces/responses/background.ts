import { asChatError } from '../../../chat/error.ts'
import { responseCancelled } from '../../../dialects/openai-responses/encode-error.ts'
import { encodeResponse } from '../../../dialects/openai-responses/response-object.ts'
import { batches, type Flow } from '../../../flow/flow.ts'
import { eventsIn } from '../../../wire/sse.ts'
import type { OpenCall } from '../../exchange/calls.ts'
import { jsonResponse } from '../../exchange/exchange.ts'
import { respondStream } from '../../exchange/respond.ts'
import type { RunningChat } from '../../exchange/services.ts'
import type { CreatedResponse, ResponseSurface } from './created.ts'
import { recordingOf } from './recording-name.ts'
import { replay } from './replay.ts'

/** A background response: how it is asked for, and how it is written. */
interface BackgroundResponse {
  readonly created: CreatedResponse
  readonly surface: ResponseSurface
  /** Asks the gateway. */
  ask(open: OpenCall): Flow
}

/** Answers at once, and makes the response without the client. A client that streams reads what is recorded. */
export async function answerInBackground(background: BackgroundResponse, running: RunningChat): Promise<Response> {
  const { writing, save, request } = background.created
  const { exchange, open, services } = running
  const detached = services.calls.detach(exchange)
  const key = recordingOf(exchange.caller, writing.id)
  const queued = encodeResponse(writing, { status: 'queued', output: [] })
  try {
    const recording = await services.recordings.open(key, { onStop: () => detached.abort(responseCancelled()) })
    await save({ response: queued, items: [] }).catch(async (thrown: unknown) => {
      await recording.end()
      throw thrown
    })
    // from here on the gateway writes the request's log line
    exchange.isLogged = true
    void run(background, { recording, open: detached })
  } catch (thrown) {
    detached.close()
    throw thrown
  }
  if (request.stream) {
    const answer = replay(writing.id, -1, running)
    return respondStream(exchange, open, { ...answer, keepAliveMs: services.keepAliveMs })
  }
  open.close()
  return jsonResponse(exchange, queued)
}

interface BackgroundRun {
  readonly recording: { append(events: readonly string[]): Promise<void> | undefined; end(): Promise<void> }
  readonly open: OpenCall
}

/** Makes the response. However it ends, the end is stored before it is recorded. */
async function run({ created, surface, ask }: BackgroundResponse, { recording, open }: BackgroundRun): Promise<void> {
  const write = (text: string) => (text === '' ? undefined : recording.append(eventsIn(text)))
  try {
    await write(surface.queue())
    let hasBegun = false
    for await (const batch of batches(ask(open))) {
      if (!hasBegun) await noteProgress(created)
      hasBegun = true
      await write(batch.map((event) => surface.event(event)).join(''))
    }
    open.call.signal.throwIfAborted()
    await surface.kept()
    await write(surface.end())
  } catch (thrown) {
    const error = asChatError(thrown)
    await surface.kept(error)
    await write(surface.error(error))
  } finally {
    await recording.end()
    open.close()
  }
}

/** Stores that the model has begun. If that fails, the end is stored all the same. */
async function noteProgress({ writing, save }: CreatedResponse): Promise<void> {
  const response = encodeResponse(writing, { status: 'in_progress', output: [] })
  await save({ response, items: [] }).catch(() => undefined)
}

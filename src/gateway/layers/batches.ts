import { joinEmbeddings } from '../../chat/join-embeddings.ts'
import type { EmbeddingEvent, EmbeddingInput, EmbeddingRequest } from '../../chat/task.ts'
import type { Call } from '../../flow/call.ts'
import type { CancelSource } from '../../flow/cancel.ts'
import type { Ask } from '../../flow/chat.ts'
import { type Batch, closedEarly, events, flowOf } from '../../flow/flow.ts'

/** Limit for the requests that run at the same time for one request of a client. */
const maxParallel = 4

export type Embed = Ask<EmbeddingRequest, EmbeddingEvent>

/**
 * Splits a request for embeddings at the limit of its upstream, and joins the answers in the order of the inputs. If one of
 * the requests fails, the others are stopped and the client's request fails.
 * @param maxInputs the limit, which may change when the upstream has stated another one
 */
export function inBatches(maxInputs: () => number): (next: Embed) => Embed {
  return (next) => (request, call) => {
    const most = Math.max(1, maxInputs())
    if (request.inputs.length <= most) return next(request, call)
    return flowOf((signal) => askAll(next, { request, call, signal, most }), call.signal)
  }
}

interface LongRequest {
  readonly request: EmbeddingRequest
  readonly call: Call
  readonly signal: CancelSource
  readonly most: number
}

async function askAll(next: Embed, { request, call, signal, most }: LongRequest): Promise<Batch<EmbeddingEvent>> {
  // each part has the whole budget of attempts, so the branches are made before any of them is spent
  const parts = split(request.inputs, most).map((inputs) => ({ inputs, attempts: call.attempts.branch() }))
  const answers: (readonly EmbeddingEvent[])[] = []
  let at = 0
  const work = async () => {
    for (let own = at++; own < parts.length; own = at++) {
      const part = parts[own]
      if (!part) return
      const flow = next({ ...request, inputs: part.inputs }, { ...call, signal, attempts: part.attempts })
      answers[own] = await Array.fromAsync(events(flow))
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(maxParallel, parts.length) }, work))
  } catch (thrown) {
    at = parts.length
    signal.abort(closedEarly())
    throw thrown
  }
  return joinEmbeddings(answers)
}

function split(inputs: readonly EmbeddingInput[], most: number): EmbeddingInput[][] {
  return Array.from({ length: Math.ceil(inputs.length / most) }, (_, at) => inputs.slice(at * most, (at + 1) * most))
}

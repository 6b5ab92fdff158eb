import { CancelSource } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { within } from '../../flow/wait.ts'

/** Milliseconds for which an unwanted body is read in all. */
const drainMs = 3_000
/** Milliseconds without a byte after which it is given up: more than a round trip, which a slow start waits for again and again. */
const silenceMs = 1_000

interface BodyReader {
  read(): Promise<{ readonly done: boolean }>
  cancel(): Promise<void>
}

/**
 * Reads what still comes of the body of a request that is refused, and keeps nothing of it. A connection that is closed while its
 * client still writes is reset, and the client, or a proxy in between, never sees the answer (RFC 9112, section 9.6). Bun
 * closes it after an answer to HTTP/1.0 and `Connection: close`, which is what nginx sends by default.
 */
export async function drainBody({ body, bodyUsed }: Request, runtime: Runtime): Promise<void> {
  if (body && !bodyUsed && !body.locked) await drainReader(body.getReader(), runtime)
}

/** The same for a body that has been read in part. */
export async function drainReader(reader: BodyReader, runtime: Runtime): Promise<void> {
  const endsAt = runtime.elapsed() + drainMs
  // its client may have left: then the body ends
  const never = new CancelSource(runtime)
  try {
    while (runtime.elapsed() < endsAt) {
      const step = await within(reader.read(), silenceMs, never)
      if (!step || step.done) break
    }
  } catch {
    // the client has left
  }
  reader.cancel().catch(() => undefined)
}

import { CancelSource } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { within } from '../../flow/wait.ts'

/** Milliseconds for which an unwanted body is read at most. */
const drainMs = 3_000
/**
 * Milliseconds without a byte after which the reading stops. It is more than a round trip, because TCP's slow start
 * waits for several.
 */
const silenceMs = 1_000

interface BodyReader {
  read(): Promise<{ readonly done: boolean }>
  cancel(): Promise<void>
}

/**
 * Reads the rest of a refused request's body, and drops it. If a connection is closed while its client still writes, it
 * is reset, and the client, or a proxy in between, never sees the answer (RFC 9112, section 9.6). Bun closes it after
 * an answer to HTTP/1.0 and to `Connection: close`, which nginx sends by default.
 */
export async function drainBody({ body, bodyUsed }: Request, runtime: Runtime): Promise<void> {
  if (body && !bodyUsed && !body.locked) await drainReader(body.getReader(), runtime)
}

/** Like `drainBody`, but for a body that has been partly read. */
export async function drainReader(reader: BodyReader, runtime: Runtime): Promise<void> {
  const endsAt = runtime.elapsed() + drainMs
  // no signal is needed: if the client leaves, the body ends
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

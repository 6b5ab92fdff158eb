import type { Status } from '../../../conversations/stored-message.ts'
import type { Cancel } from '../../../flow/cancel.ts'
import { within } from '../../../flow/wait.ts'
import type { Services } from '../../exchange/services.ts'

/** A request that is being answered, or that waits for its session. */
export interface RunningRequest {
  abort(): void
  /** Resolves when the session is free again. The value tells how the request ended. */
  readonly ended: Promise<Status>
}

/** Milliseconds that an abort waits for the requests that it stopped. */
const maxWaitMs = 2_000

/** The running requests of each session in this process. */
export class RunningRequests {
  readonly #runs = new Map<string, Set<RunningRequest>>()

  /** @returns a function that removes it again */
  add(client: string, session: string, run: RunningRequest): () => void {
    const key = keyOf(client, session)
    const runs = this.#runs.get(key) ?? new Set()
    this.#runs.set(key, runs.add(run))
    return () => {
      runs.delete(run)
      if (runs.size === 0 && this.#runs.get(key) === runs) this.#runs.delete(key)
    }
  }

  /** Stops all requests of a session, and waits until the session is free. @returns whether a request was stopped */
  async abort(client: string, session: string, signal: Cancel): Promise<boolean> {
    const runs = [...(this.#runs.get(keyOf(client, session)) ?? [])]
    for (const run of runs) run.abort()
    const endings = await within(Promise.all(runs.map(({ ended }) => ended)), maxWaitMs, signal)
    // a request that takes longer has been stopped as well
    return endings?.includes('cancelled') ?? true
  }
}

const allRunning = new WeakMap<Services, RunningRequests>()

/** The running requests of a server. Each server has its own. */
export function runningOf(services: Services): RunningRequests {
  const running = allRunning.get(services) ?? new RunningRequests()
  allRunning.set(services, running)
  return running
}

/** The key is JSON, so that two different pairs never have the same key. */
function keyOf(client: string, session: string): string {
  return JSON.stringify([client, session])
}

import type { Status } from '../../../conversations/stored-message.ts'
import type { Cancel } from '../../../flow/cancel.ts'
import { within } from '../../../flow/wait.ts'
import type { Services } from '../../exchange/services.ts'

/** A request that is being answered, or that waits for its session. */
export interface Run {
  abort(): void
  /** How it ended, once its session is free again. */
  readonly ended: Promise<Status>
}

/** Milliseconds that an abort waits for what it stopped. */
const patienceMs = 2_000

/** The requests of each session that are under way in this process. */
export class Running {
  readonly #runs = new Map<string, Set<Run>>()

  /** @returns takes it out again */
  add(client: string, session: string, run: Run): () => void {
    const key = keyOf(client, session)
    const runs = this.#runs.get(key) ?? new Set()
    this.#runs.set(key, runs.add(run))
    return () => {
      runs.delete(run)
      if (runs.size === 0 && this.#runs.get(key) === runs) this.#runs.delete(key)
    }
  }

  /** Stops all that runs of a session, and waits until the session is free. @returns whether anything was stopped */
  async abort(client: string, session: string, signal: Cancel): Promise<boolean> {
    const runs = [...(this.#runs.get(keyOf(client, session)) ?? [])]
    for (const run of runs) run.abort()
    const endings = await within(Promise.all(runs.map(({ ended }) => ended)), patienceMs, signal)
    // what takes longer has been told to stop all the same
    return endings?.includes('cancelled') ?? true
  }
}

const allRunning = new WeakMap<Services, Running>()

/** Those of a server: each has its own. */
export function runningOf(services: Services): Running {
  const running = allRunning.get(services) ?? new Running()
  allRunning.set(services, running)
  return running
}

/** Neither part may reach into the other. */
function keyOf(client: string, session: string): string {
  return JSON.stringify([client, session])
}

import type { Conversations } from '../../../conversations/conversations.ts'
import type { SessionKey } from '../../../conversations/session-key.ts'
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

interface RunningSession {
  readonly session: SessionKey
  readonly runs: Set<RunningRequest>
}

/** Milliseconds that an abort waits for the requests that it stopped. */
const maxWaitMs = 2_000

/** The running requests of each session. Those of other processes can be stopped too. */
export class RunningRequests {
  readonly #conversations: Conversations
  readonly #sessions = new Map<string, RunningSession>()
  #listening: Promise<unknown> | undefined

  constructor(conversations: Conversations) {
    this.#conversations = conversations
  }

  /** @returns a function that removes it again */
  add(session: SessionKey, run: RunningRequest): () => void {
    const name = nameOf(session)
    const running = this.#sessions.get(name) ?? { session, runs: new Set() }
    this.#sessions.set(name, running)
    running.runs.add(run)
    // without notices an abort reaches only this process
    this.#listening ??= this.#listen().catch(() => {
      this.#listening = undefined
    })
    return () => {
      running.runs.delete(run)
      if (running.runs.size === 0 && this.#sessions.get(name) === running) this.#sessions.delete(name)
    }
  }

  /** Stops all requests of a session, and waits until the session is free. @returns whether a request was stopped */
  async abort(session: SessionKey, signal: Cancel): Promise<boolean> {
    const runs = [...(this.#sessions.get(nameOf(session))?.runs ?? [])]
    if (runs.length === 0) return this.#conversations.abortElsewhere(session, signal)
    for (const run of runs) run.abort()
    const endings = await within(Promise.all(runs.map(({ ended }) => ended)), maxWaitMs, signal)
    // a request that takes longer has been stopped as well
    return endings?.includes('cancelled') ?? true
  }

  #listen(): Promise<unknown> {
    return this.#conversations.listenForAborts((isOf) => {
      for (const { session, runs } of this.#sessions.values()) if (isOf(session)) for (const run of runs) run.abort()
    })
  }
}

const allRunning = new WeakMap<Services, RunningRequests>()

/** The running requests of a server. Each server has its own. */
export function runningOf(services: Services): RunningRequests {
  const running = allRunning.get(services) ?? new RunningRequests(services.conversations)
  allRunning.set(services, running)
  return running
}

/** The name is JSON, so that two different sessions never have the same. */
function nameOf({ client, session }: SessionKey): string {
  return JSON.stringify([client, session])
}

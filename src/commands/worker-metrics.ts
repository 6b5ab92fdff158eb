import type { Timers } from '../flow/timers.ts'
import { atMost } from '../flow/wait.ts'
import type { Family } from '../metrics/family.ts'

/** Milliseconds that a process has for its metrics. Prometheus waits for ten seconds by default. */
const answerMs = 2_000

/** What the processes say to each other. A worker asks its parent, which asks the other workers. */
type MetricsMessage =
  | { readonly metrics: 'all?'; readonly id: number }
  | { readonly metrics: 'yours?'; readonly id: number }
  | { readonly metrics: 'mine'; readonly id: number; readonly text: string }
  | { readonly metrics: 'all'; readonly id: number; readonly own: string; readonly others: readonly WorkerText[] }

/** The metrics of a worker as JSON, and its number. */
interface WorkerText {
  readonly worker: string
  readonly text: string
}

/** The part of a child process that is needed. */
interface WorkerProcess {
  readonly pid: number
  send(message: MetricsMessage): void
}

/** In the parent: gathers the metrics of the workers for the one that was asked for them. Each worker has a number, which its successor gets. */
export class MetricsCollector {
  readonly #timers: Timers
  readonly #workers = new Map<number, { readonly child: WorkerProcess; readonly worker: string }>()
  readonly #waiting = new Map<number, (from: number, text: string) => void>()
  #lastId = 0

  constructor(timers: Timers) {
    this.#timers = timers
  }

  add(child: WorkerProcess): void {
    const taken = new Set([...this.#workers.values()].map(({ worker }) => worker))
    let number = 1
    while (taken.has(String(number))) number++
    this.#workers.set(child.pid, { child, worker: String(number) })
  }

  remove(pid: number): void {
    this.#workers.delete(pid)
  }

  /** Takes a message of a worker. */
  hear(message: unknown, pid: number): void {
    if (!isMetricsMessage(message)) return
    if (message.metrics === 'all?') this.#gather(message.id, pid)
    else if (message.metrics === 'mine') this.#waiting.get(message.id)?.(pid, message.text)
  }

  #gather(askedId: number, asker: number): void {
    const asking = this.#workers.get(asker)
    if (!asking) return
    const missing = new Set([...this.#workers.keys()].filter((pid) => pid !== asker))
    const others: WorkerText[] = []
    const id = ++this.#lastId
    const end = () => {
      timer.stop()
      if (this.#waiting.delete(id)) send(asking.child, { metrics: 'all', id: askedId, own: asking.worker, others })
    }
    const timer = this.#timers.set(answerMs, end)
    this.#waiting.set(id, (from, text) => {
      const worker = this.#workers.get(from)?.worker
      if (missing.delete(from) && worker !== undefined) others.push({ worker, text })
      if (missing.size === 0) end()
    })
    if (missing.size === 0) end()
    for (const pid of missing) send(this.#workers.get(pid)?.child, { metrics: 'yours?', id })
  }
}

/** A worker may end at any moment. */
function send(child: WorkerProcess | undefined, message: MetricsMessage): void {
  try {
    child?.send(message)
  } catch {
    // its metrics are missing, or nobody waits for the answer any more
  }
}

/** In a worker: answers the parent. */
export function answerForMetrics(metrics: { families(): readonly Family[] }): void {
  process.on('message', (message) => {
    if (!isMetricsMessage(message) || message.metrics !== 'yours?') return
    tell({ metrics: 'mine', id: message.id, text: JSON.stringify(metrics.families()) })
  })
}

/** In a worker: asks for the metrics of all. If the parent does not answer, there are only the worker's own. */
export function askForMetrics(timers: Timers): (own: readonly Family[]) => Promise<readonly (readonly Family[])[]> {
  const asked = new Map<number, (all: Extract<MetricsMessage, { readonly metrics: 'all' }>) => void>()
  let lastId = 0
  process.on('message', (message) => {
    if (isMetricsMessage(message) && message.metrics === 'all') asked.get(message.id)?.(message)
  })
  return async (own) => {
    const id = ++lastId
    const found = new Promise<readonly (readonly Family[])[]>((resolve) => {
      asked.set(id, (all) =>
        resolve([labelled(own, all.own), ...all.others.map(({ worker, text }) => labelled(JSON.parse(text), worker))]),
      )
    })
    tell({ metrics: 'all?', id })
    const all = await atMost(found, 2 * answerMs, timers)
    asked.delete(id)
    return all ?? [own]
  }
}

function tell(message: MetricsMessage): void {
  process.send?.(message)
}

function labelled(families: readonly Family[], worker: string): readonly Family[] {
  return families.map((family) => ({
    ...family,
    values: family.values.map((sample) => ({ ...sample, labels: { ...sample.labels, worker } })),
  }))
}

/** The processes are of the same program, so its form is trusted. */
function isMetricsMessage(message: unknown): message is MetricsMessage {
  return typeof message === 'object' && message !== null && 'metrics' in message
}

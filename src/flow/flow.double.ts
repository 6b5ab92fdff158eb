import { CancelSource } from './cancel.ts'
import { type Batch, type Flow, flowOf, type NextBatch } from './flow.ts'
import { ManualRuntime } from './runtime.double.ts'

/** A batch that is ready, a batch that comes later, or a failure. */
export type ScriptedStep<Event> = Batch<Event> | Promise<Batch<Event>> | Error

/** A flow that follows a script and counts what its reader does. */
export interface ScriptedFlow<Event> extends Flow<Event> {
  /** How often it was read. */
  readonly reads: number
  /** How often it was closed. */
  readonly closes: number
}

export function scriptedFlow<Event>(...steps: readonly ScriptedStep<Event>[]): ScriptedFlow<Event> {
  const rest = steps.values()
  let reads = 0
  let closes = 0
  return {
    get reads() {
      return reads
    },
    get closes() {
      return closes
    },
    next(): NextBatch<Event> | Promise<NextBatch<Event>> {
      reads++
      const { done, value } = rest.next()
      if (done || closes > 0) return undefined
      if (value instanceof Error) throw value
      return value
    },
    close() {
      closes++
    },
  }
}

/** A flow whose batches are all ready. */
export function readyFlow<Event>(...batches: readonly Batch<Event>[]): ScriptedFlow<Event> {
  return scriptedFlow(...batches)
}

/** A flow that gives these batches and then waits until it is closed. */
export function silentFlow<Event>(...batches: readonly Batch<Event>[]): ScriptedFlow<Event> {
  const silence = Promise.withResolvers<NextBatch<Event>>()
  const ready = readyFlow(...batches)
  let reads = 0
  let closes = 0
  return {
    get reads() {
      return reads
    },
    get closes() {
      return closes
    },
    next: () => (++reads > batches.length ? silence.promise : ready.next()),
    close() {
      closes++
      silence.resolve(undefined)
    },
  }
}

/** Puts each event into its own batch. */
export async function* inBatches<Event>(source: AsyncIterable<Event>): AsyncGenerator<Batch<Event>> {
  for await (const event of source) yield [event]
}

/** Makes a flow of a generator that gives events one by one. */
export function flowFrom<Event>(source: AsyncIterable<Event>): Flow<Event> {
  return flowOf(() => inBatches(source), new CancelSource(new ManualRuntime()))
}

/** Gives the events of batches one by one. */
export async function* flat<Event>(batches: AsyncIterable<Batch<Event>>): AsyncGenerator<Event> {
  for await (const batch of batches) yield* batch
}

/** Reads a flow to its end without closing it. Returns its batches and what it threw. */
export async function readAll<Event>(flow: Flow<Event>): Promise<{ batches: Batch<Event>[]; thrown: unknown }> {
  const batches: Batch<Event>[] = []
  try {
    for (let batch = await flow.next(); batch; batch = await flow.next()) batches.push(batch)
    return { batches, thrown: undefined }
  } catch (thrown) {
    return { batches, thrown }
  }
}

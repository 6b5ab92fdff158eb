import type { Timer, Timers } from '../flow/timers.ts'
import type { Store } from '../state/store.ts'

/** What is known about a recording, beside its events. */
export interface RecordingHead {
  /** Milliseconds since 1970, when it was begun. */
  readonly begunAt: number
  /** The time until which its writer is certainly alive. It is moved forward while the recording grows. */
  readonly aliveUntil: number
  readonly hasEnded: boolean
  /** The place of the oldest segment that is kept. */
  readonly firstSegment: number
  /** Number of all segments that were written. */
  readonly segments: number
  /** Whether later events are missing, because they could not be stored. */
  readonly isCut: boolean
  /** Size of the segments that are kept. */
  readonly characters: number
}

/** Events that follow each other, as they are stored. */
export interface Segment {
  /** The number of the first event, counted from 0. */
  readonly from: number
  readonly events: readonly string[]
}

/** Writes a segment for the store. Events repeat much, so they become ten times smaller. */
function packSegment(segment: Segment): string {
  return Buffer.from(Bun.deflateSync(Buffer.from(JSON.stringify(segment)))).toString('base64')
}

export function unpackSegment(packed: string): Segment {
  return JSON.parse(Buffer.from(Bun.inflateSync(Buffer.from(packed, 'base64'))).toString())
}

export function unpackHead(text: string): RecordingHead {
  return JSON.parse(text)
}

interface RecordingOptions {
  readonly store: Store
  readonly key: string
  readonly ttlMs: number
  /** Milliseconds for which it is kept after its end. */
  readonly keptMs: number
  /** Limit for the characters of its segments. Above it, the oldest ones are dropped. */
  readonly maxCharacters: number
  readonly timers: Timers
  now(): number
  /** Takes account of characters before they are written, or of dropped ones. Returns false if there is no room for them. */
  reserve(characters: number): Promise<boolean>
  /** Called at the end. */
  ended(): void
}

/** Milliseconds after which events are written, so that events which come together are one segment. */
const gatherMs = 100
/** Characters after which they are written at once. */
const maxGathered = 64 * 1024
/** Characters of events that wait for the store. Above it the writer waits too. */
const maxWaiting = 1024 * 1024
/** Milliseconds between two signs of life, and after which a writer without one counts as dead. */
const aliveMs = 5_000
const deadMs = 20_000

/** The beginning of the store's keys for heads. */
export const headPrefix = 'stream/'

export function headKey(key: string): string {
  return `${headPrefix}${key}`
}

/** Returns the recording's name in the store's key for its head. */
export function keyIn(name: string): string {
  return name.slice(headPrefix.length)
}

export function segmentKey(key: string, at: number): string {
  return `stream-events/${key}/${at}`
}

/** The channel on which a writer learns that it has a reader. */
export function readerChannel(key: string): string {
  return `read/${key}`
}

/** The channel on which readers learn that there is more. */
export function growthChannel(key: string): string {
  return headKey(key)
}

/** Writes the events of one stream into the store. Failures of the store are not thrown: the stream itself goes on without it. */
export class Recording {
  readonly #options: RecordingOptions
  readonly #begunAt: number
  #events: string[] = []
  #gathered = 0
  /** The number of the next event. */
  #next = 0
  #segments = 0
  /** The characters of each segment that is kept, the oldest first. */
  readonly #sizes: number[] = []
  #characters = 0
  #isCut = false
  #hasEnded = false
  #writing: Promise<void> = Promise.resolve()
  #gathering: Timer | undefined
  readonly #heart: Timer

  constructor(options: RecordingOptions) {
    this.#options = options
    this.#begunAt = options.now()
    this.#heart = options.timers.set(aliveMs, this.#beat)
  }

  /** Resolves when readers can find it. @throws ChatError `unavailable` */
  async begin(): Promise<void> {
    try {
      await this.#writeHead()
    } catch (thrown) {
      this.#stop()
      throw thrown
    }
  }

  /** Adds events. @returns a promise to wait for, if the store is slower than the events */
  append(events: readonly string[]): Promise<void> | undefined {
    if (this.#hasEnded || this.#isCut) return undefined
    for (const event of events) {
      this.#events.push(event)
      this.#gathered += event.length
    }
    if (this.#gathered >= maxGathered) this.#write()
    else if (this.#events.length > 0) this.#gathering ??= this.#options.timers.set(gatherMs, () => this.#write())
    return this.#gathered > maxWaiting ? this.#writing : undefined
  }

  /** Ends the recording, when everything is written. */
  async end(): Promise<void> {
    if (this.#hasEnded) return
    this.#write()
    await this.#writing
    this.#stop()
    await this.#writeHead().catch(() => undefined)
  }

  #stop(): void {
    this.#hasEnded = true
    this.#heart.stop()
    this.#options.ended()
  }

  #write(): void {
    this.#gathering?.stop()
    this.#gathering = undefined
    this.#writing = this.#writing.then(() => this.#writeSegment()).catch(() => this.#cut())
  }

  async #writeSegment(): Promise<void> {
    const events = this.#events
    if (events.length === 0 || this.#isCut) return
    this.#events = []
    this.#gathered = 0
    const packed = packSegment({ from: this.#next, events })
    const { store, key, ttlMs, maxCharacters, reserve } = this.#options
    if (packed.length > maxCharacters) return this.#cut()
    const room = maxCharacters - packed.length
    const dropped = await this.#dropOldest(room)
    if (!(await reserve(packed.length))) return this.#cut()
    await store.put(segmentKey(key, this.#segments), packed, { ttlMs })
    this.#next += events.length
    this.#segments++
    this.#sizes.push(packed.length)
    this.#characters += packed.length
    // the head says which segment is the first, so a reader of a dropped one would wait
    if (dropped) await this.#writeHead()
    else await this.#tell()
  }

  /** Drops the oldest segments until the others fit. @returns whether there were any */
  async #dropOldest(room: number): Promise<boolean> {
    const { store, key, reserve } = this.#options
    let dropped = 0
    while (this.#characters > room) {
      await store.delete(segmentKey(key, this.#firstSegment))
      const size = this.#sizes.shift() ?? this.#characters
      this.#characters -= size
      dropped += size
    }
    return dropped > 0 && (await reserve(-dropped))
  }

  get #firstSegment(): number {
    return this.#segments - this.#sizes.length
  }

  /** Gives up: a stream with a gap would be read wrongly. */
  async #cut(): Promise<void> {
    this.#isCut = true
    this.#events = []
    this.#gathered = 0
    await this.#writeHead().catch(() => undefined)
  }

  readonly #beat = (): void => {
    this.#heart.feed(aliveMs)
    this.#writing = this.#writing.then(() => this.#writeHead()).catch(() => undefined)
  }

  async #writeHead(): Promise<void> {
    const { store, key, ttlMs, keptMs, now } = this.#options
    const head: RecordingHead = {
      begunAt: this.#begunAt,
      aliveUntil: now() + deadMs,
      hasEnded: this.#hasEnded,
      firstSegment: this.#firstSegment,
      segments: this.#segments,
      isCut: this.#isCut,
      characters: this.#characters,
    }
    await store.put(headKey(key), JSON.stringify(head), { ttlMs: this.#hasEnded ? keptMs : ttlMs })
    await this.#tell()
  }

  #tell(): Promise<void> {
    return this.#options.store.notify(growthChannel(this.#options.key), '').catch(() => undefined)
  }
}

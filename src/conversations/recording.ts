import type { Timer, Timers } from '../flow/timers.ts'
import type { Store } from '../state/store.ts'

/** What is known about a recording, beside its events. */
export interface RecordingHead {
  /** Milliseconds since 1970, when it was begun. */
  readonly begunAt: number
  /** The time until which its writer is certainly alive. It is moved forward while the recording grows. */
  readonly aliveUntil: number
  readonly hasEnded: boolean
  /** Number of its segments. */
  readonly segments: number
  /** Whether it became too large, so that later events are missing. */
  readonly isCut: boolean
  /** Size of its segments. */
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
  /** Limit for the characters of its segments. */
  readonly maxCharacters: number
  readonly timers: Timers
  now(): number
  /** Takes account of characters before they are written. Returns false if there is no room for them. */
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
    const fits = this.#characters + packed.length <= maxCharacters && (await reserve(packed.length))
    if (!fits) return this.#cut()
    await store.put(segmentKey(key, this.#segments), packed, { ttlMs })
    this.#next += events.length
    this.#segments++
    this.#characters += packed.length
    await this.#tell()
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
    const { store, key, ttlMs, now } = this.#options
    const head: RecordingHead = {
      begunAt: this.#begunAt,
      aliveUntil: now() + deadMs,
      hasEnded: this.#hasEnded,
      segments: this.#segments,
      isCut: this.#isCut,
      characters: this.#characters,
    }
    await store.put(headKey(key), JSON.stringify(head), { ttlMs })
    await this.#tell()
  }

  #tell(): Promise<void> {
    return this.#options.store.notify(growthChannel(this.#options.key), '').catch(() => undefined)
  }
}

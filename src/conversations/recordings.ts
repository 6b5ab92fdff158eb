import type { Cancel } from '../flow/cancel.ts'
import { type Flow, flowOf } from '../flow/flow.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'
import { type GapEvent, headOf, isWritten, type RecordedEvent, recordedEvents, untilEnded } from './read-recording.ts'
import { headKey, headPrefix, keyIn, Recording, readerChannel, segmentKey } from './recording.ts'

export interface RecordingsOptions {
  readonly store: Store
  /** Milliseconds for which a recording is kept. */
  readonly ttlMs: number
  readonly runtime: Pick<Runtime, 'now' | 'timers'>
  /** Limit for the characters that are kept of one recording. */
  readonly maxCharacters?: number
  /** Limit for the characters of all recordings that this process knows. */
  readonly maxTotal?: number
}

/** What the writer of a recording is told, and how long it is kept. */
interface RecordingSettings {
  /** Called when somebody asks to stop the stream. */
  onStop(): void
  /** Called when a reader comes, and while it waits, several times a minute. */
  onReader?(): void
  /** Milliseconds for which its events are kept at most, and the whole after its end; by default as long as all of them. */
  readonly ttlMs?: number
  readonly keptMs?: number
}

/** Limit for the recordings of an earlier process that are counted. */
const maxHeads = 1_000
/** The least characters that a recording counts. */
const perRecording = 1_024

/**
 * The recorded streams in the store: a client that has left reads the events that it missed, also after the end. The writer and the
 * readers meet only in the store, so they may be in different processes. The oldest recordings make room for new ones.
 */
export class Recordings {
  readonly #options: Required<RecordingsOptions>
  /** The characters of each recording, the oldest first. */
  readonly #sizes = new Map<string, number>()
  /** Those that this process writes. */
  readonly #written = new Set<string>()
  #total = 0
  #counted: Promise<void> | undefined

  constructor(options: RecordingsOptions) {
    this.#options = { maxCharacters: 4 * 1024 * 1024, maxTotal: 16 * 1024 * 1024, ...options }
  }

  /**
   * Begins a recording, which readers can find now.
   * @param key its name, at most 512 characters
   * @throws ChatError `unavailable`
   */
  async open(key: string, settings: RecordingSettings): Promise<Recording> {
    this.#counted ??= this.#countKept()
    await this.#counted
    const { store, maxCharacters, runtime } = this.#options
    const { onStop, onReader, ttlMs = this.#options.ttlMs, keptMs = ttlMs } = settings
    const listening = [await store.listen(stopChannel(key), onStop)]
    if (onReader) listening.push(await store.listen(readerChannel(key), onReader))
    this.#written.add(key)
    const recording = new Recording({
      ...{ store, key, ttlMs, keptMs, maxCharacters },
      ...{ timers: runtime.timers, now: () => runtime.now() },
      reserve: (characters) => this.#count(key, characters),
      ended: () => {
        for (const stop of listening) stop()
        this.#written.delete(key)
      },
    })
    await recording.begin()
    await this.#count(key, perRecording)
    return recording
  }

  /**
   * Gives the events after the one with this number, and goes on until the recording ends. Dropped events are a gap.
   * @param after -1 for all events
   * @throws ChatError `not-found` if there is no such recording; `unavailable` if its next events are missing
   */
  read(key: string, after: number, signal: Cancel): Flow<RecordedEvent | GapEvent> {
    return flowOf((own) => recordedEvents(this.#options, key, { after, signal: own }), signal)
  }

  /** Gives a recording another name, which an earlier one may have had. The name is kept for as long as all recordings. */
  async setName(name: string, id: string): Promise<void> {
    await this.#options.store.put(nameKey(name), id, { ttlMs: this.#options.ttlMs })
  }

  /** What has got this name last. */
  async named(name: string): Promise<string | undefined> {
    return (await this.#options.store.get(nameKey(name)))?.value
  }

  /** Whether a process still writes the recording. */
  async isRunning(key: string): Promise<boolean> {
    return isWritten(await headOf(this.#options, key), this.#options)
  }

  /** Asks the writer to stop, and waits until the recording has ended. @throws the signal's reason */
  async stop(key: string, signal: Cancel): Promise<void> {
    await this.#options.store.notify(stopChannel(key), '')
    await untilEnded(this.#options, key, signal)
  }

  async remove(key: string): Promise<void> {
    const { store } = this.#options
    const head = await headOf(this.#options, key)
    this.#total -= this.#sizes.get(key) ?? 0
    this.#sizes.delete(key)
    await store.delete(headKey(key))
    for (let at = head?.firstSegment ?? 0; at < (head?.segments ?? 0); at++) await store.delete(segmentKey(key, at))
  }

  /** Counts the recordings of an earlier process. */
  async #countKept(): Promise<void> {
    const keys = (await this.#options.store.keys(headPrefix, maxHeads)).map(keyIn)
    const heads = await Promise.all(keys.map(async (key) => ({ key, head: await headOf(this.#options, key) })))
    const byAge = heads.sort((a, b) => (a.head?.begunAt ?? 0) - (b.head?.begunAt ?? 0))
    for (const { key, head } of byAge) await this.#count(key, perRecording + (head?.characters ?? 0))
  }

  /** Counts characters. The oldest recordings make room for them. Returns false if all are still written. */
  async #count(key: string, characters: number): Promise<boolean> {
    this.#sizes.set(key, (this.#sizes.get(key) ?? 0) + characters)
    this.#total += characters
    while (this.#total > this.#options.maxTotal) {
      const oldest = this.#sizes.keys().find((one) => !this.#written.has(one))
      if (oldest === undefined) return false
      await this.remove(oldest)
    }
    return true
  }
}

/** The channel on which a writer is asked to stop. */
function stopChannel(key: string): string {
  return `stop/${key}`
}

function nameKey(name: string): string {
  return `stream-name/${name}`
}

import { onNextTurn } from '../flow/next-turn.ts'

/** An output, such as `Bun.stdout.writer()`. */
export interface LineSink {
  write(text: string): unknown
  /** @returns a promise while the reader of the output has not taken everything */
  flush(): unknown
  /** Takes everything before it returns, because the process ends. */
  finish?(): void
}

/** Limit for the characters that wait while the output is stuck. */
const maxWaiting = 1024 * 1024
/** Characters that are written at once, without waiting for the end of the turn. */
const longTurn = 64 * 1024

/**
 * Writes all lines of a turn at once and in order. A slow output never stops the program and never takes much memory: lines
 * that do not fit are counted and dropped. Before the process ends, call `drain`, and `finish` when nothing can be awaited any more.
 */
export class LineWriter {
  readonly #sink: LineSink
  readonly #onDropped: (count: number) => void
  readonly #seal: (line: string) => string
  #waiting = ''
  #isScheduled = false
  /** Settles when the output has taken everything; undefined if it has. */
  #taken: Promise<void> | undefined
  #droppedCount = 0
  #droppedInAll = 0

  /**
   * @param onDropped called with the number of dropped lines once the output takes lines again
   * @param seal changes each line that is not dropped
   */
  constructor(sink: LineSink, onDropped: (count: number) => void, seal = (line: string) => line) {
    this.#sink = sink
    this.#onDropped = onDropped
    this.#seal = seal
  }

  /** The lines that were dropped so far. */
  get dropped(): number {
    return this.#droppedInAll
  }

  /** @param line with its line feed */
  write(line: string): void {
    if (this.#taken && this.#waiting.length + line.length > maxWaiting) {
      this.#droppedCount++
      this.#droppedInAll++
      return
    }
    this.#waiting += this.#seal(line)
    if (this.#taken) return
    if (this.#waiting.length >= longTurn) this.flush()
    else if (!this.#isScheduled) {
      this.#isScheduled = true
      onNextTurn(this.#onTurn)
    }
  }

  /** Gives every waiting line to the output. A closed output loses them. */
  flush(): void {
    const text = this.#waiting
    if (text === '') return
    this.#waiting = ''
    try {
      this.#sink.write(text)
      const flushed = this.#sink.flush()
      if (flushed instanceof Promise) this.#waitFor(flushed)
    } catch {
      // the reader of the output is gone, so its lines cannot be written
    }
  }

  /** Gives every line to the output, which takes them before this returns if it can. */
  finish(): void {
    this.flush()
    try {
      this.#sink.finish?.()
    } catch {
      // the output takes nothing, and the process ends
    }
  }

  /** Gives every waiting line to the output, and resolves when the output has taken all of them, or is closed. */
  async drain(): Promise<void> {
    this.flush()
    while (this.#taken) await this.#taken
  }

  readonly #onTurn = (): void => {
    this.#isScheduled = false
    if (!this.#taken) this.flush()
  }

  #waitFor(flushed: Promise<unknown>): void {
    this.#taken = flushed.then(this.#onTaken, this.#onTaken)
  }

  readonly #onTaken = (): void => {
    this.#taken = undefined
    const dropped = this.#droppedCount
    this.#droppedCount = 0
    if (dropped > 0) this.#onDropped(dropped)
    this.flush()
  }
}

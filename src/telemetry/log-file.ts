import type { Runtime } from '../flow/runtime.ts'
import type { LineSink } from './line-writer.ts'
import { type FilePlace, RotatingFile } from './rotating-file.ts'

export interface LogFileOptions extends FilePlace {
  readonly runtime: Pick<Runtime, 'now' | 'elapsed' | 'timers'>
  /** Is told that the file cannot be written or set aside, at most once a minute. Lines that cannot be written wait. */
  onProblem(thrown: unknown): void
}

/** Limit for the bytes of one write. */
const pieceBytes = 256 * 1024
/** Milliseconds before a write that failed is tried again. */
const pauseMs = 1_000
/** Milliseconds between two problems that are told. */
const tellMs = 60_000

/**
 * The file of the log. A slow disk stops nobody, because another thread writes. What cannot be written waits, within the
 * limit of the `LineWriter`.
 */
export class LogFile implements LineSink {
  readonly #options: LogFileOptions
  readonly #file: RotatingFile
  #waiting: Buffer = Buffer.alloc(0)
  #writing: Promise<void> | undefined
  /** When a problem was told last, by the clock that only goes forward. */
  #toldAt = Number.NEGATIVE_INFINITY

  /** @throws the system's error if the file cannot be opened */
  constructor(options: LogFileOptions) {
    this.#options = options
    this.#file = new RotatingFile(options, options.runtime)
  }

  write(lines: string): void {
    const bytes = Buffer.from(lines)
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes])
  }

  flush(): Promise<void> | undefined {
    if (this.#waiting.length > 0) this.#writing ??= this.#writeAll()
    return this.#writing
  }

  /** Opens the file again before the next line, because another program has moved it. */
  reopen(): void {
    this.#file.reopen()
  }

  /** Writes what waits before it returns, because the process ends. */
  finish(): void {
    const lines = this.#waiting
    this.#waiting = Buffer.alloc(0)
    this.#file.appendNow(lines)
  }

  async close(): Promise<void> {
    while (this.#writing) await this.#writing
    this.#file.close()
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const piece = firstLines(this.#waiting, Math.min(pieceBytes, this.#options.maxBytes))
      if (await this.#isReady(piece.length)) await this.#writePiece(piece)
      else await this.#pause()
    }
    this.#writing = undefined
  }

  /** Without a new file, the lines go on in the one that is open, unless it has been removed. */
  async #isReady(bytes: number): Promise<boolean> {
    try {
      await this.#file.prepare(bytes)
      return true
    } catch (thrown) {
      this.#tell(thrown)
      return !this.#file.isRemoved
    }
  }

  async #writePiece(piece: Buffer): Promise<void> {
    // from now on `finish` leaves the piece to the file
    this.#waiting = this.#waiting.subarray(piece.length)
    let written = 0
    try {
      written = await this.#file.append(piece)
    } catch (thrown) {
      this.#tell(thrown)
    }
    if (written === piece.length) return
    this.#waiting = Buffer.concat([piece.subarray(written), this.#waiting])
    if (written === 0) await this.#pause()
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.runtime.timers.set(pauseMs, () => resolve(), { isBackground: true })
    })
  }

  readonly #tell = (thrown: unknown): void => {
    const { runtime, onProblem } = this.#options
    if (runtime.elapsed() - this.#toldAt < tellMs) return
    this.#toldAt = runtime.elapsed()
    onProblem(thrown)
  }
}

/** As many whole lines as fit into `limit` bytes, but at least one. */
function firstLines(lines: Buffer, limit: number): Buffer {
  if (lines.length <= limit) return lines
  const fitting = lines.lastIndexOf(10, limit - 1) + 1
  const end = fitting > 0 ? fitting : lines.indexOf(10) + 1
  return end > 0 ? lines.subarray(0, end) : lines
}

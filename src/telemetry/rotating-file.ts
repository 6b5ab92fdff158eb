import { closeSync, fstat, fstatSync, openSync, read, readSync, write, writeSync } from 'node:fs'
import { rename, stat, unlink } from 'node:fs/promises'
import type { Runtime } from '../flow/runtime.ts'
import { freeName, holdLock, linkedPath, rotatedFiles } from './rotated-files.ts'

/** Where lines are kept, and how many of them. */
export interface FilePlace {
  readonly path: string
  /**
   * A file that would become longer is set aside, and a new one begins. What other processes write within 200 ms may make it
   * longer.
   */
  readonly maxBytes: number
  /** A file that is older is set aside too. */
  readonly maxAgeMs: number
  /** How many of the files that were set aside are kept. */
  readonly keepFiles: number
  /** For how long after its last line a file is kept. */
  readonly keepMs: number
  /** Whether other processes write to it too. One that is killed may leave half a line, at any time. */
  readonly isShared: boolean
}

interface OpenFile {
  readonly descriptor: number
  readonly inode: number
  /** False for a pipe or a device, which cannot be set aside. */
  readonly isFile: boolean
  readonly bornAt: number
}

/** Others can read the log only as members of its group. */
const mode = 0o640
/** Milliseconds between two looks whether the path still names the open file. */
const lookMs = 200
const lineFeed = 10
/** Milliseconds for which the end of the process waits for a write that has begun. */
const lastWriteMs = 250

/**
 * A file that only grows, and is set aside when it is long or old. Several processes may write to one path: each write
 * is of whole lines, and is one append. A process that finds another file at the path goes on with that one, so it does
 * not matter who has renamed it (docs/decisions/0102-log-file.md).
 */
export class RotatingFile {
  readonly #place: FilePlace
  readonly #runtime: Pick<Runtime, 'now' | 'elapsed'>
  #file: OpenFile
  #bytes = 0
  #lookedAt = 0
  /** Whether the file ends within a line. */
  #isTorn = false
  #writing: Buffer | undefined
  #mustReopen = false

  /** @throws the system's error if the file cannot be opened */
  constructor(place: FilePlace, runtime: Pick<Runtime, 'now' | 'elapsed'>) {
    this.#place = place
    this.#runtime = runtime
    this.#file = this.#open()
  }

  /** Opens the path again before the next write. */
  reopen(): void {
    this.#mustReopen = true
  }

  /** Whether the open file has been removed: what is written to it is lost. */
  get isRemoved(): boolean {
    return fstatSync(this.#file.descriptor).nlink === 0
  }

  /** Finds the right file for this many bytes. @throws the system's error */
  async prepare(bytes: number): Promise<void> {
    if (this.#mustReopen) this.#openAgain()
    const isQuiet = this.#runtime.elapsed() - this.#lookedAt < lookMs
    if (this.#isFull(bytes)) await this.#setAside(bytes)
    else if (!isQuiet) await this.#follow()
    if (this.#place.isShared && this.#file.isFile) await this.#lookAtEnd()
  }

  /**
   * Appends lines with one write.
   * @returns how many of the bytes have been written as whole lines. The others must be written again
   * @throws the system's error if nothing was written
   */
  async append(lines: Buffer): Promise<number> {
    const bytes = this.#isTorn ? Buffer.concat([Buffer.of(lineFeed), lines]) : lines
    this.#writing = bytes
    try {
      return this.#noteWritten(bytes, await writeOnce(this.#file.descriptor, bytes), lines.length)
    } finally {
      this.#writing = undefined
    }
  }

  /** Appends at once, because the process ends. A write that has begun is waited for. */
  appendNow(lines: Buffer): void {
    const { descriptor } = this.#file
    const begun = this.#writing
    const isTorn = begun === undefined && this.#isTorn
    if (begun) {
      const until = this.#runtime.elapsed() + lastWriteMs
      // nothing tells when it is done but the file itself
      while (!this.#endsWith(begun) && this.#runtime.elapsed() < until);
      if (!this.#endsWith(begun)) writeSync(descriptor, begun)
    }
    if (lines.length > 0) writeSync(descriptor, isTorn ? Buffer.concat([Buffer.of(lineFeed), lines]) : lines)
  }

  close(): void {
    closeSync(this.#file.descriptor)
  }

  #noteWritten(bytes: Buffer, written: number, length: number): number {
    this.#bytes += written
    if (written === bytes.length) {
      this.#isTorn = false
      return length
    }
    const whole = bytes.subarray(0, written).lastIndexOf(lineFeed) + 1
    if (written > 0) this.#isTorn = whole !== written
    return Math.max(0, whole - (bytes.length - length))
  }

  #isFull(bytes: number): boolean {
    if (this.#bytes === 0 || !this.#file.isFile) return false
    const { maxBytes, maxAgeMs } = this.#place
    return this.#bytes + bytes > maxBytes || this.#runtime.now() - this.#file.bornAt >= maxAgeMs
  }

  /** Goes on with the file that the path names now, and takes its length, because other processes write to it too. */
  async #follow(): Promise<void> {
    this.#lookedAt = this.#runtime.elapsed()
    const found = await stat(this.#place.path).catch(() => undefined)
    if (found?.ino !== this.#file.inode) this.#openAgain()
    else this.#bytes = found.size
  }

  async #lookAtEnd(): Promise<void> {
    const { descriptor } = this.#file
    this.#bytes = await lengthOf(descriptor)
    this.#isTorn = this.#bytes > 0 && (await lastByteOf(descriptor, this.#bytes)) !== lineFeed
  }

  async #setAside(bytes: number): Promise<void> {
    // a link stays, and the next file begins where it leads
    const path = linkedPath(this.#place.path)
    const { now } = this.#runtime
    const isSole = await holdLock(`${path}.lock`, now(), async () => {
      // another process may have been faster
      await this.#follow()
      if (!this.#isFull(bytes)) return
      await rename(path, await freeName(path, now()))
      this.#openAgain()
      await this.#prune()
    })
    // this file may become longer until the other process has set it aside
    if (!isSole) this.#lookedAt = this.#runtime.elapsed()
  }

  async #prune(): Promise<void> {
    const { path, keepFiles, keepMs } = this.#place
    const oldestMs = this.#runtime.now() - keepMs
    const files = await rotatedFiles(path)
    const aside = await Promise.all(files.map(async (file) => ({ file, found: await stat(file) })))
    const old = aside.filter(({ found }, at) => at < aside.length - keepFiles || found.mtimeMs < oldestMs)
    await Promise.all(old.map(({ file }) => unlink(file)))
  }

  #openAgain(): void {
    const former = this.#file
    this.#file = this.#open()
    this.#mustReopen = false
    closeSync(former.descriptor)
  }

  #open(): OpenFile {
    const descriptor = openSync(this.#place.path, 'a+', mode)
    const { ino, size, birthtimeMs, mtimeMs } = fstatSync(descriptor)
    const isFile = fstatSync(descriptor).isFile()
    this.#bytes = isFile ? size : 0
    // a process that was killed may have left half a line
    this.#isTorn = isFile && size > 0 && lastByteNow(descriptor, size) !== lineFeed
    // some file systems do not know when a file was made
    const bornAt = size === 0 ? this.#runtime.now() : birthtimeMs || mtimeMs
    return { descriptor, inode: ino, isFile, bornAt }
  }

  /** Whether these bytes are at the end of the file, or before what other processes have written since. */
  #endsWith(bytes: Buffer): boolean {
    const { descriptor, isFile } = this.#file
    if (!isFile) return true
    const { size } = fstatSync(descriptor)
    const tail = Buffer.alloc(Math.min(size, 4 * bytes.length))
    readSync(descriptor, tail, 0, tail.length, size - tail.length)
    return tail.includes(bytes)
  }
}

function writeOnce(descriptor: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, (error, written) => (error ? reject(error) : resolve(written)))
  })
}

function lengthOf(descriptor: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fstat(descriptor, (error, found) => (error ? reject(error) : resolve(found.size)))
  })
}

function lastByteOf(descriptor: number, size: number): Promise<number | undefined> {
  const last = Buffer.alloc(1)
  return new Promise((resolve, reject) => {
    read(descriptor, last, 0, 1, size - 1, (error) => (error ? reject(error) : resolve(last[0])))
  })
}

function lastByteNow(descriptor: number, size: number): number | undefined {
  const last = Buffer.alloc(1)
  readSync(descriptor, last, 0, 1, size - 1)
  return last[0]
}

import { readFileSync, readlinkSync } from 'node:fs'
import { repeat } from '../flow/repeat.ts'
import type { Timers } from '../flow/timers.ts'
import { openLibc } from './libc.ts'

const everyMs = 5 * 60_000

/** linux/mman.h */
const MADV_DONTNEED = 4

/** A part of the address space. */
interface Mapping {
  readonly start: number
  readonly length: number
}

/**
 * Gives the pages of the program's code back to the system from time to time: most of them were needed for the start, or
 * by the compilers for a burst. A page that is needed again comes from the file cache, in a microsecond
 * (docs/decisions/0051-quiet-when-idle.md).
 * @returns a function that ends this
 */
export function releaseCodeRegularly(timers: Timers): () => void {
  return repeat(timers, everyMs, releaseCode)
}

/** Releases the pages of the program's code, on Linux. */
export function releaseCode(): void {
  const libc = openLibc()
  if (!libc) return
  try {
    const executable = readlinkSync('/proc/self/exe')
    for (const { start, length } of codeIn(readFileSync('/proc/self/maps', 'utf8'), executable))
      libc.madvise(start, length, MADV_DONTNEED)
  } catch {
    // no descriptor is left to read the mappings with, or there is no `/proc`
  }
}

/**
 * Finds the mappings of a file with code in it. Code never differs from its file, whereas read-only data may: the linker
 * has written into it at the start. proc(5)
 */
export function codeIn(maps: string, file: string): readonly Mapping[] {
  return maps.split('\n').flatMap((line) => {
    const [, from = '', to = '', path] = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+ +(.+)$/.exec(line) ?? []
    const start = Number.parseInt(from, 16)
    return path === file ? [{ start, length: Number.parseInt(to, 16) - start }] : []
  })
}

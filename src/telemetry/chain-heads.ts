import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { type ChainHead, readSealed } from './log-chain.ts'
import { rotatedFiles } from './rotated-files.ts'

/** Bytes at the end of a log that are read. */
const tailBytes = 256 * 1024
/** Limit for the chains that a new one names. */
const maxHeads = 16

/**
 * The ends of the chains that a log's file ends with. A new chain names them, so that a removed end is found later.
 * @returns none if there is no log yet
 */
export async function headsOf(path: string): Promise<readonly ChainHead[]> {
  const former = (await rotatedFiles(path).catch(() => [])).at(-1)
  const heads = new Map<string, ChainHead>()
  for (const file of former === undefined ? [path] : [former, path]) {
    for (const line of tailOf(file).split('\n')) {
      const sealed = readSealed(line)
      if (!sealed) continue
      const { chain, n, seal } = sealed
      heads.delete(chain)
      heads.set(chain, { chain, n, seal })
    }
  }
  return [...heads.values()].slice(-maxHeads)
}

function tailOf(path: string): string {
  try {
    const descriptor = openSync(path, 'r')
    try {
      const { size } = fstatSync(descriptor)
      const tail = Buffer.alloc(Math.min(size, tailBytes))
      readSync(descriptor, tail, 0, tail.length, size - tail.length)
      return tail.toString()
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return '' // there is none yet
  }
}

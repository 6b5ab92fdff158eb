import { realpathSync } from 'node:fs'
import { open, readdir, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Milliseconds after which a lock has no owner any more, because its process was killed. */
const staleMs = 5_000

/**
 * Runs `work` while no other process does.
 * @returns whether it did. If another process holds the lock, nothing happens
 */
export async function holdLock(lock: string, now: number, work: () => Promise<void>): Promise<boolean> {
  const held = await open(lock, 'wx').catch((thrown: unknown) => {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return undefined
    throw thrown
  })
  if (!held) {
    const found = await stat(lock).catch(() => undefined)
    if (found && now - found.mtimeMs > staleMs) await unlink(lock).catch(() => undefined)
    return false
  }
  try {
    await work()
    return true
  } finally {
    await held.close()
    await unlink(lock)
  }
}

/** Where the lines of a log are: the file that a link at its path names. */
export function linkedPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path // there is no file yet
  }
}

/** The files that were set aside from this path, the oldest first. They are beside the file, also if the path is a link. */
export async function rotatedFiles(written: string): Promise<readonly string[]> {
  const path = linkedPath(written)
  const folder = dirname(path)
  const own = `${basename(path)}.`
  const names = await readdir(folder)
  return names
    .filter((name) => name.startsWith(own) && /^\d{4}-\d\d-\d\dT[\d-]+Z$/.test(name.slice(own.length)))
    .sort()
    .map((name) => join(folder, name))
}

/** A name that no file has, and that sorts behind those of older files. */
export async function freeName(path: string, now: number): Promise<string> {
  for (let at = now; ; at++) {
    const name = `${path}.${new Date(at).toISOString().replaceAll(/[:.]/g, '-')}`
    if (!(await stat(name).catch(() => undefined))) return name
  }
}

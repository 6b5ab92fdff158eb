import { dlopen, read } from 'bun:ffi'

const LOCK_EX = 2
const LOCK_NB = 4

/** The names of the C library, and the error number for "another process has it", by platform. flock(2), errno(3) */
const platforms: Readonly<Record<string, { readonly names: readonly string[]; readonly busy: number }>> = {
  linux: { names: ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'], busy: 11 },
  darwin: { names: ['libSystem.B.dylib'], busy: 35 },
}

/**
 * Locks a file, under all its names, while the descriptor is open. SQLite uses another kind of lock, so readers are not
 * blocked.
 * @returns false if another process has locked it; true also on a platform without such a lock
 */
export function lockFile(descriptor: number): boolean {
  const { names, busy } = platforms[process.platform] ?? { names: [], busy: 0 }
  const errno = process.platform === 'darwin' ? '__error' : '__errno_location'
  for (const name of names) {
    const library = open(name, errno)
    if (!library) continue
    const { flock, [errno]: errnoAt } = library.symbols
    if (flock(descriptor, LOCK_EX | LOCK_NB) === 0) return true
    const failure = errnoAt?.()
    return !failure || read.i32(failure) !== busy
  }
  return true
}

function open(name: string, errno: '__error' | '__errno_location') {
  try {
    return dlopen(name, {
      flock: { args: ['i32', 'i32'], returns: 'i32' },
      [errno]: { args: [], returns: 'ptr' },
    })
  } catch {
    return undefined
  }
}

import { dlopen } from 'bun:ffi'

const names = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']
const fileSize = 1
/** Linux, sys/resource.h */
const unlimited = 2n ** 64n - 1n

/** Functions of the C library, so that tests do not need a program for them. */
function openLibc() {
  for (const name of names) {
    try {
      return dlopen(name, {
        mkfifo: { args: ['cstring', 'u32'], returns: 'i32' },
        prlimit: { args: ['i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
      }).symbols
    } catch {
      // this machine has another C library
    }
  }
  throw new Error('There is no C library with mkfifo and prlimit.')
}

/** Makes a named pipe that only its owner may open. */
export function makeFifo(path: string): void {
  if (openLibc().mkfifo(Buffer.from(`${path}\0`), 0o600) !== 0) throw new Error(`${path} cannot be made.`)
}

/** Lets a process with `ulimit -S -f` write files of any size again. */
export function liftFileSizeLimit(pid: number): void {
  if (openLibc().prlimit(pid, fileSize, new BigUint64Array([unlimited, unlimited]), null) !== 0)
    throw new Error(`The limit of process ${pid} cannot be lifted.`)
}

import { dlopen, ptr } from 'bun:ffi'
import { rmSync } from 'node:fs'
import { until } from '../waiting.ts'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const MSG_DONTWAIT = 0x40

/** The C library, because Bun has no datagrams of Unix sockets. */
function openLibc() {
  for (const name of ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']) {
    try {
      return dlopen(name, {
        socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
        bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
        recv: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
        close: { args: ['i32'], returns: 'i32' },
      }).symbols
    } catch {
      // this machine has another C library
    }
  }
  throw new Error('There is no C library.')
}

/** The socket of a service manager, which services tell about their state. sd_notify(3) */
export function notifySocket(path: string) {
  const libc = openLibc()
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM, 0)
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(path)])
  if (libc.bind(descriptor, ptr(address), address.length) !== 0) throw new Error(`${path} cannot be bound.`)
  const bytes = Buffer.alloc(4_096)
  const read = () => {
    const length = Number(libc.recv(descriptor, ptr(bytes), bytes.length, MSG_DONTWAIT))
    return length < 0 ? undefined : bytes.toString('utf8', 0, length)
  }
  return {
    path,
    /** Waits for the next message. */
    async next(): Promise<string | undefined> {
      let message: string | undefined
      await until(
        () => {
          message = read()
          return message !== undefined
        },
        30_000,
        'a message for the service manager',
      )
      return message
    },
    [Symbol.dispose]() {
      libc.close(descriptor)
      rmSync(path, { force: true })
    },
  }
}

import { dlopen } from 'bun:ffi'

const names = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']

let opened: { readonly libc: ReturnType<typeof load> } | undefined

/** Loads functions of the C library that Bun has no API for, once. Returns undefined on systems other than Linux. */
export function openLibc(): ReturnType<typeof load> {
  opened ??= { libc: load() }
  return opened.libc
}

function load() {
  if (process.platform !== 'linux') return undefined
  for (const name of names) {
    try {
      return dlopen(name, {
        epoll_ctl: { args: ['i32', 'i32', 'i32', 'ptr'], returns: 'i32' },
        setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'i32'], returns: 'i32' },
        getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
        getsockname: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
        socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
        shutdown: { args: ['i32', 'i32'], returns: 'i32' },
        sendto: { args: ['i32', 'ptr', 'u64', 'i32', 'ptr', 'u32'], returns: 'i64' },
        close: { args: ['i32'], returns: 'i32' },
      }).symbols
    } catch {
      // this machine has another C library
    }
  }
  return undefined
}

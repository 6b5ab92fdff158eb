import { ptr } from 'bun:ffi'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { openLibc } from './libc.ts'

/** A socket, and how the runtime's event loop watches it. */
export interface WatchedSocket {
  readonly epoll: number
  readonly socket: number
  /** The events that the event loop waits for; `data` is the event loop's identifier of the socket: epoll(7). */
  readonly events: number
  readonly data: bigint
}

export type Libc = NonNullable<ReturnType<typeof openLibc>>

const SOL_SOCKET = 1
const SO_ACCEPTCONN = 30
const EPOLL_CTL_DEL = 2
const EPOLL_CTL_MOD = 3

/**
 * Makes the runtime's event loop leave connections in the kernel's queue. Bun has no API for that: this finds the listening
 * sockets in `/proc` and changes how they are watched with epoll_ctl(2).
 * @returns a function that lets the event loop accept again; undefined if pausing is impossible. It is possible only on
 *   Linux
 */
export function pauseListeners(): (() => void) | undefined {
  const libc = openLibc()
  const listeners = libc ? findListeners(libc) : []
  if (!libc || listeners.length === 0) return undefined
  for (const listener of listeners) watchFor(libc, listener, 0)
  return () => {
    for (const listener of listeners) watchFor(libc, listener, listener.events)
  }
}

/** The sockets that listen. */
export function findListeners(libc: Libc): WatchedSocket[] {
  return watchedSockets().filter(({ socket }) => isListening(libc, socket))
}

/** All files that the runtime's event loops watch. */
export function watchedSockets(): WatchedSocket[] {
  return readdirSync('/proc/self/fd')
    .filter((fd) => linkOf(fd) === 'anon_inode:[eventpoll]')
    .flatMap((fd) => watchedBy(Number(fd)))
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    // it was closed after the folder was read
    return ''
  }
}

/** Reads lines such as `tfd:        5 events:       19 data:      46ddf3f5500 …`; all numbers but the first are hexadecimal: proc(5). */
function watchedBy(epoll: number): WatchedSocket[] {
  const lines = readFileSync(`/proc/self/fdinfo/${epoll}`, 'utf8').matchAll(
    /^tfd:\s+(\d+)\s+events:\s+([0-9a-f]+)\s+data:\s+([0-9a-f]+)/gm,
  )
  return Array.from(lines, ([, socket, events, data]) => ({
    epoll,
    socket: Number(socket),
    events: Number.parseInt(events ?? '', 16),
    data: BigInt(`0x${data}`),
  }))
}

/** Whether a file is a socket that listens. */
export function isListening(libc: Libc, socket: number): boolean {
  const value = new Int32Array(1)
  const size = new Int32Array([value.byteLength])
  return libc.getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(size)) === 0 && value[0] === 1
}

/** Has the event loop forget a file. */
export function stopWatching(libc: Libc, { epoll, socket }: WatchedSocket): void {
  libc.epoll_ctl(epoll, EPOLL_CTL_DEL, socket, null)
}

/** `struct epoll_event` is packed on x86-64, and aligned to eight bytes elsewhere. */
const dataAt = process.arch === 'x64' ? 4 : 8

function watchFor(libc: Libc, { epoll, socket, data }: WatchedSocket, events: number): void {
  const event = Buffer.alloc(dataAt + 8)
  event.writeUInt32LE(events, 0)
  event.writeBigUInt64LE(data, dataAt)
  libc.epoll_ctl(epoll, EPOLL_CTL_MOD, socket, ptr(event))
}

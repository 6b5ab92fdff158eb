import { ptr } from 'bun:ffi'
import { openLibc } from './libc.ts'

const SOL_SOCKET = 1
const SO_RCVBUF = 8

/**
 * Bytes that the system may receive before we read them, and so the most that one read can return: Bun reads all that is
 * there, up to 512 KiB. Linux doubles the number for its own needs, and uses up to 32 MiB if no limit is set: a fast upstream
 * and a client that does not read would fill that (reliability, P4). At a round trip of 100 ms this still allows 1 MB/s.
 */
const size = new Int32Array([128 * 1024])

/** Limits what the system receives on a connection before we read it. Does nothing if that is impossible. */
export function boundReceived(fd: number): void {
  openLibc()?.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, ptr(size), size.byteLength)
}

import { ptr } from 'bun:ffi'
import { openLibc } from './libc.ts'

const SOL_SOCKET = 1
const SO_RCVBUF = 8

/**
 * Bytes that the system holds for us: Linux takes twice as much, with what it needs beside them, and up to 32 MiB without
 * a bound. An upstream that answers quickly to a client that does not read would fill that (reliability, P4).
 */
const size = new Int32Array([256 * 1024])

/** Bounds what the system holds of a connection until we read it. Where that cannot be done, it is as it is. */
export function boundReceived(fd: number): void {
  openLibc()?.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, ptr(size), size.byteLength)
}

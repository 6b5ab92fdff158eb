import { ptr } from 'bun:ffi'
import { openLibc } from './libc.ts'

const SOL_SOCKET = 1
const SO_RCVBUF = 8

/**
 * Limit for the bytes that the system receives before we read them. One read by Bun returns them all, up to 512 KiB.
 * Linux doubles the number for its own needs. Without a limit it uses up to 32 MiB, and a fast upstream would fill them
 * while a client does not read (reliability, P4). At a round trip of 100 ms this limit still allows 1 MB/s.
 */
const size = new Int32Array([128 * 1024])

/** Limits the bytes that the system receives on a connection before we read them, if that is possible. */
export function boundReceived(fd: number): void {
  openLibc()?.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, ptr(size), size.byteLength)
}

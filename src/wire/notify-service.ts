import { ptr } from 'bun:ffi'
import { openLibc } from './libc.ts'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
/** The longest path of a Unix socket. unix(7) */
const maxPathBytes = 107

/**
 * Tells the service manager about the service, as sd_notify(3) does. Bun has no datagrams of Unix sockets.
 * @param socket the value of NOTIFY_SOCKET: a path, or an abstract name after `@`
 * @param state lines such as `READY=1`
 * @returns whether it was sent
 */
export function notifyService(socket: string, state: string): boolean {
  const libc = openLibc()
  const path = Buffer.from(socket)
  if (!libc || path.length > maxPathBytes) return false
  // an abstract name begins with a zero byte
  if (path[0] === 0x40) path[0] = 0
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), path])
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (descriptor < 0) return false
  const text = Buffer.from(state)
  const sent = libc.sendto(descriptor, ptr(text), text.length, 0, ptr(address), address.length)
  libc.close(descriptor)
  return Number(sent) === text.length
}

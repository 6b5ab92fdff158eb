import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Cancel } from '../flow/cancel.ts'
import type { Timer, Timers } from '../flow/timers.ts'
import { orAbort } from '../flow/wait.ts'
import { Watchdog } from '../flow/watchdog.ts'
import { type Resolve, resolveName } from './resolve-name.ts'
import { connectTimeout, disconnected, transportError } from './transport-error.ts'

/** The server to connect to. */
export interface Destination {
  readonly isSecure: boolean
  /** Without the brackets of IPv6. */
  readonly hostname: string
  readonly port: number
  /** The IP address to connect to, so that the name is not looked up again. */
  readonly address?: string
}

export interface DialOptions {
  /** Milliseconds, over 0, for the look-up, TCP and TLS together. */
  readonly limitMs: number
  readonly resolve?: Resolve
}

/** Milliseconds to wait for one address of a name before the next is tried as well. RFC 8305, section 5 */
const nextAddressMs = 250

/**
 * Connects: looks the name up, tries its addresses, and for TLS verifies the certificate against the name.
 * @throws ChatError `upstream-failed`, `timeout` after `limitMs`, or the signal's reason; then nothing is left open
 */
export async function dial(
  destination: Destination,
  { limitMs, resolve = resolveName }: DialOptions,
  signal: Cancel,
): Promise<Socket> {
  signal.throwIfAborted()
  const attempts = signal.child()
  const watchdog = new Watchdog(signal.runtime.timers, () => attempts.abort(connectTimeout()))
  watchdog.feed(limitMs)
  try {
    const { hostname, address } = destination
    const addresses = address === undefined ? await orAbort(resolve(hostname), attempts) : ([address] as const)
    return await firstOf(addresses, signal.runtime.timers, (at) => connectTo(destination, at, attempts))
  } catch (thrown) {
    throw attempts.aborted ? attempts.reason : transportError(thrown, 'before its reply')
  } finally {
    watchdog.stop()
    attempts.release()
    // the attempts that lost the race
    attempts.abort(disconnected('before its reply'))
  }
}

/** Returns the first connection that succeeds. The next address is tried when one fails or is slow. */
function firstOf(
  addresses: readonly string[],
  timers: Timers,
  connect: (address: string) => Promise<Socket>,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  let tried = 0
  let pending = 0
  let isOver = false
  let timer: Timer | undefined
  const settle = (finish: () => void) => {
    timer?.stop()
    isOver = true
    finish()
  }
  const tryNext = () => {
    timer?.stop()
    const address = addresses[tried]
    if (isOver || address === undefined) return
    tried++
    pending++
    if (tried < addresses.length) timer = timers.set(nextAddressMs, tryNext)
    connect(address).then(
      (socket) => (isOver ? void socket.destroy() : settle(() => resolve(socket))),
      (thrown: unknown) => {
        if (isOver) return
        pending--
        if (tried < addresses.length) tryNext()
        else if (pending === 0) settle(() => reject(thrown))
      },
    )
  }
  if (addresses.length === 0) reject(new Error('The name has no address.'))
  tryNext()
  return promise
}

function connectTo(destination: Destination, address: string, signal: Cancel): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = open(destination, address)
  const giveUp = () => {
    reject(signal.reason)
    socket.destroy()
  }
  const onClose = () => reject(disconnected('before its reply'))
  // this listener stays: an error without a listener would end the program
  socket.on('error', reject)
  socket.once('close', onClose)
  socket.once(destination.isSecure ? 'secureConnect' : 'connect', () => {
    socket.off('close', onClose)
    socket.setNoDelay(true)
    resolve(socket)
  })
  return promise.finally(signal.onAbort(giveUp))
}

function open({ isSecure, hostname, port }: Destination, host: string): Socket {
  if (!isSecure) return connectTcp({ host, port })
  // an IP address has no server name to send, and is checked against the certificate itself
  const isNamed = isIP(hostname) === 0
  return connectTls({ host, port, ALPNProtocols: ['http/1.1'], ...(isNamed && { servername: hostname }) })
}

import type { Cancel } from '../flow/cancel.ts'
import { ipVersion } from '../flow/ip-address.ts'
import type { ByteSocket } from '../flow/network.ts'
import type { Timer, Timers } from '../flow/timers.ts'
import { orAbort } from '../flow/wait.ts'
import { Watchdog } from '../flow/watchdog.ts'
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
}

/** Milliseconds to wait for one address of a name before the next is tried as well. RFC 8305, section 5 */
const nextAddressMs = 250

/**
 * Connects: looks the name up, tries its addresses, and for TLS verifies the certificate against the name.
 * @throws ChatError `upstream-failed`, `timeout` after `limitMs`, or the signal's reason; then nothing is left open
 */
export async function dial(destination: Destination, { limitMs }: DialOptions, signal: Cancel): Promise<ByteSocket> {
  signal.throwIfAborted()
  const attempts = signal.child()
  const { timers, network } = signal.runtime
  const watchdog = new Watchdog(timers, () => attempts.abort(connectTimeout()))
  watchdog.feed(limitMs)
  try {
    const { hostname, address } = destination
    const addresses = address === undefined ? await orAbort(network.lookUp(hostname), attempts) : ([address] as const)
    return await firstOf(addresses, timers, (at) => connectTo(destination, at, attempts))
  } catch (thrown) {
    throw attempts.aborted ? attempts.reason : transportError(thrown, 'before its reply')
  } finally {
    watchdog.stop()
    attempts.release()
    // this closes the attempts that lost the race
    attempts.abort(disconnected('before its reply'))
  }
}

/** Returns the first connection that succeeds. The next address is tried when one fails or is slow. */
function firstOf(
  addresses: readonly string[],
  timers: Timers,
  connect: (address: string) => Promise<ByteSocket>,
): Promise<ByteSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<ByteSocket>()
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

function connectTo({ isSecure, hostname, port }: Destination, address: string, signal: Cancel): Promise<ByteSocket> {
  // TLS sends no server name for an IP address; the certificate must then contain the address itself
  const isNamed = isSecure && ipVersion(hostname) === undefined
  const endpoint = { isSecure, address, port, ...(isNamed && { serverName: hostname }) }
  const { socket, cancel } = signal.runtime.network.connect(endpoint)
  const release = signal.onAbort(cancel)
  return orAbort(socket, signal).finally(release)
}

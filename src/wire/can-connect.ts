import { connect } from 'node:net'

/** Ports that answered lately, so that slow upstreams are not asked again and again. */
const answered = new Map<string, number>()
const trustMs = 30_000
const maxRemembered = 256

let proxied = false

/** Tells that requests go through a proxy: then it is the proxy that connects, and asking by ourselves proves nothing. */
export function assumeProxy(): void {
  proxied = true
}

export function isProxied(): boolean {
  return proxied
}

/** Whether something accepts TCP connections at the URL's host and port, within `limitMs` milliseconds; false once aborted. */
export async function canConnect(url: string, limitMs: number, signal: AbortSignal): Promise<boolean> {
  const { protocol, hostname, port, origin } = new URL(url)
  if (proxied || performance.now() - (answered.get(origin) ?? -trustMs) < trustMs) return true
  const host = hostname.replace(/^\[|\]$/g, '')
  const reachable = await dial(host, Number(port || (protocol === 'https:' ? 443 : 80)), { limitMs, signal })
  if (reachable) remember(origin)
  return reachable
}

function remember(origin: string): void {
  if (answered.size >= maxRemembered) answered.clear()
  answered.set(origin, performance.now())
}

interface Patience {
  readonly limitMs: number
  readonly signal: AbortSignal
}

function dial(host: string, port: number, { limitMs, signal }: Patience): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false)
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const settle = (reachable: boolean) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      socket.destroy()
      resolve(reachable)
    }
    const giveUp = () => settle(false)
    const timer = setTimeout(giveUp, limitMs)
    signal.addEventListener('abort', giveUp, { once: true })
    socket.once('connect', () => settle(true))
    // refused is an answer: the request itself will report it
    socket.once('error', () => settle(true))
  })
}

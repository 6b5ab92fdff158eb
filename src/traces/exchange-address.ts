/** Where a request goes. The path and the query may have a secret, so they are left out. */
export interface ExchangeAddress {
  readonly host: string
  readonly port: number
}

const known = new Map<string, ExchangeAddress>()
const maxKnown = 256

/** The server in a URL. */
export function addressIn(url: string): ExchangeAddress {
  const found = known.get(url)
  if (found) return found
  const { protocol = '', hostname = '', port = '' } = URL.parse(url) ?? {}
  const isSecure = protocol === 'https:' || protocol === 'wss:'
  const address = { host: hostname, port: Number(port) || (isSecure ? 443 : 80) }
  if (known.size >= maxKnown) known.clear()
  known.set(url, address)
  return address
}

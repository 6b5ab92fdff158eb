import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { ipVersion } from '../flow/ip-address.ts'
import { orAbort } from '../flow/wait.ts'

/** The hosts that the operator lets callers choose. */
export interface EgressPolicy {
  /**
   * Each is `*` for every public host, `*.example.org`, `api.example.org`, or `host:port`, which may be a private
   * server. An empty list allows no host.
   */
  readonly hosts: readonly string[]
}

/** A URL that was allowed, with the IP address that was checked. Only that IP address may be connected to. */
export interface Pinned {
  readonly url: URL
  /** The IP address of a public host, or of a host that the operator named. */
  readonly address: string
}

/**
 * Checks a URL that a caller chose (reliability, section 4, items 1 to 9). No packet is sent to a host that is not allowed.
 * The name is looked up only here; later connections go to the IP address that was found.
 * @throws ChatError `invalid-request`, code `base_url_not_allowed`; the text is the same for all causes, so that it reveals nothing about a network
 */
export async function judge(text: string, policy: EgressPolicy, signal: Cancel): Promise<Pinned> {
  const url = parsed(text)
  const { network } = signal.runtime
  if (!url || network.fetchByProxy) throw refused()
  const hostname = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const isNamed = policy.hosts.includes(`${hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`)
  if (!isNamed && (url.protocol !== 'https:' || !policy.hosts.some((pattern) => matches(pattern, hostname))))
    throw refused()
  const addresses = ipVersion(hostname) ? [hostname] : await orAbort(network.lookUp(hostname), signal).catch(() => [])
  // loaded on demand, because few gateways allow callers to choose a host
  const { isPublicAddress } = await import('./public-address.ts')
  signal.throwIfAborted()
  const [address] = addresses
  const own = network.ownAddresses()
  if (address === undefined || !(isNamed || addresses.every((found) => isPublicAddress(found, own)))) throw refused()
  return { url, address }
}

/** Parses a URL strictly: no user, no fragment, and nothing that a parser would silently drop. */
function parsed(text: string): URL | undefined {
  if (!/^https?:\/\/[^\s\\@#/\p{Cc}][^\s\\@#\p{Cc}]*$/iu.test(text)) return undefined
  const url = URL.parse(text)
  return url && (url.protocol === 'https:' || url.protocol === 'http:') && url.hostname !== '' ? url : undefined
}

function matches(pattern: string, hostname: string): boolean {
  if (pattern === '*') return true
  return pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern
}

function refused(): ChatError {
  return new ChatError('invalid-request', {
    message: 'This base_url is not allowed. MODEL_CONFIG_HOSTS says which are.',
    code: 'base_url_not_allowed',
    param: 'model_config.base_url',
  })
}

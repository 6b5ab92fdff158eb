import { ipVersion } from '../../flow/ip-address.ts'

/** The proxies whose `X-Forwarded-For` is trusted. */
export interface TrustedProxies {
  /** @param address as `readAddress` gives it */
  has(address: string): boolean
}

/**
 * Reads `TRUSTED_PROXIES`.
 * @param items addresses, ranges such as `10.0.0.0/8` or `fd00::/8`, or `loopback`
 * @returns the proxies, and the invalid items
 */
export function readTrustedProxies(items: readonly string[]): {
  readonly proxies: TrustedProxies
  readonly malformed: readonly string[]
} {
  const ranges: AddressRange[] = []
  const malformed = items.filter((item) => !addTo(ranges, item.toLowerCase()))
  return { proxies: { has: (address) => isWithin(ranges, address) }, malformed }
}

/** The addresses whose first bits are these. */
interface AddressRange {
  readonly bits: bigint
  /** How many of the 128 bits of an address are not compared. */
  readonly free: bigint
}

function isWithin(ranges: readonly AddressRange[], address: string): boolean {
  if (ranges.length === 0 || ipVersion(address) === undefined) return false
  const own = bitsOf(address)
  return ranges.some(({ bits, free }) => own >> free === bits)
}

/** The bits of an IPv6 address. An IPv4 address has those of its form within IPv6. */
function bitsOf(address: string): bigint {
  const groups = groupsOf(ipVersion(address) === 4 ? `::ffff:${address}` : address)
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

function addTo(ranges: AddressRange[], item: string): boolean {
  if (item === 'loopback') return addTo(ranges, '127.0.0.0/8') && addTo(ranges, '::1')
  const [, network = '', bits] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/.exec(item) ?? []
  const address = readAddress(network)
  const version = ipVersion(network)
  // an item with a port is invalid
  if (address === undefined || version === undefined) return false
  const length = version === 4 ? 32 : 128
  const prefix = bits === undefined ? length : Number(bits)
  // a range of IPv4 within IPv6 that is wider than all of IPv4 is a mistake
  if (prefix > length || (ipVersion(address) !== version && prefix < 96)) return false
  // counted from the end, so that 10.0.0.0/8 is ::ffff:10.0.0.0/104
  const free = BigInt(length - prefix)
  ranges.push({ bits: bitsOf(address) >> free, free })
  return true
}

/**
 * Finds the client's address. Each proxy appends the address that it received the request from, so the list is read
 * from its end up to the first address that is not a trusted proxy. Everything before it may be the client's invention
 * (docs/decisions/0027-client-address.md).
 * @param peer the address at the other end of the connection
 */
export function clientAddress(peer: string, headers: Headers, trusted: TrustedProxies): string {
  let address = readAddress(peer) ?? peer
  const forwarded = headers.get('x-forwarded-for')
  if (forwarded === null) return address
  for (let end = forwarded.length; end > 0 && trusted.has(address); ) {
    const start = forwarded.lastIndexOf(',', end - 1) + 1
    const next = readAddress(forwarded.slice(start, end).trim())
    // the proxy hides its client, so the nearest known address is the proxy's own
    if (next === undefined) return address
    address = next
    end = start - 1
  }
  return address
}

/** No valid address is longer. */
const maxLength = 64

/**
 * Reads an IP address into one spelling: without brackets, port and zone, and an IPv4 address inside an IPv6 one as
 * IPv4.
 * @returns undefined for anything else
 */
export function readAddress(text: string): string | undefined {
  if (text.length > maxLength) return undefined
  if (ipVersion(text) === 4) return text
  const [, bracketed, bare = text] = /^(?:\[([^\]]*)\]|(\d+(?:\.\d+){3}))(?::\d{1,5})?$/.exec(text) ?? []
  const address = (bracketed ?? bare).replace(/%.*$/, '')
  const version = ipVersion(address)
  if (version !== 6) return version === 4 && bracketed === undefined ? address : undefined
  const short = URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? address
  const [, high = '', low = ''] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? []
  return high === '' ? short : dotted(Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16))
}

function dotted(bits: number): string {
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
}

/**
 * The key under which an address is counted. A customer of an IPv6 provider has a whole /64 network, and can use a new
 * address for each request (RFC 6177), so IPv6 addresses are counted by network.
 */
export function countedNetwork(address: string): string {
  return ipVersion(address) === 6 ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address
}

/** An IPv4 address as two groups of IPv6. */
function twoGroups(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return [a * 256 + b, c * 256 + d].map((group) => group.toString(16)).join(':')
}

/** The eight groups of an IPv6 address, with `::` expanded. */
function groupsOf(address: string): readonly string[] {
  const plain = address.replace(/[\d.]+\.\d+$/, twoGroups)
  const [before = '', after] = plain.split('::', 2)
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const head = groups(before)
  const tail = groups(after ?? '')
  const middle = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  return [...head, ...(after === undefined ? [] : middle), ...tail]
}

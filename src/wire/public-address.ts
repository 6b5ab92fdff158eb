import { BlockList } from 'node:net'
import { ipVersion } from '../flow/ip-address.ts'

/** Addresses outside the public internet: IANA special-purpose registries, multicast, and the metadata servers of clouds. */
const closed = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's metadata server, which has a public address
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  closed.addSubnet(network, bits, 'ipv4')
// within the global unicast range: protocol assignments and Teredo, documentation, 6to4
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  closed.addSubnet(network, bits, 'ipv6')

/** The IPv6 range of the public internet. IPv6 addresses that contain an IPv4 address are outside of it. */
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** Whether an IP address is a host of the public internet, and not this machine. @param own the machine's addresses */
export function isPublicAddress(address: string, own: readonly string[]): boolean {
  const version = ipVersion(address)
  if (version === undefined || isAmong(own, address)) return false
  if (version === 4) return !closed.check(address, 'ipv4')
  return globalUnicast.check(address, 'ipv6') && !closed.check(address, 'ipv6')
}

/** Compares addresses, not texts, because an IPv6 address can be written in many ways. */
function isAmong(own: readonly string[], address: string): boolean {
  const list = new BlockList()
  for (const mine of own) list.addAddress(mine, familyOf(mine))
  return list.check(address, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return ipVersion(address) === 6 ? 'ipv6' : 'ipv4'
}

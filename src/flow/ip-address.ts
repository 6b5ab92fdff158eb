const ipv4 = /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/
/** An IPv6 address may end with the zone of a link-local address. RFC 4007, section 11 */
const zone = /%[\da-z.:-]+$/i

/**
 * Returns the version of an IP address; undefined for any other text. Its verdict is that of `isIP` in `node:net`, which
 * loads Node's sockets and streams (docs/decisions/0050-late-modules.md).
 */
export function ipVersion(text: string): 4 | 6 | undefined {
  if (ipv4.test(text)) return 4
  return text.includes(':') && isIpv6(text.replace(zone, '')) ? 6 : undefined
}

/** RFC 4291, section 2.2 */
function isIpv6(address: string): boolean {
  const [, start, end = ''] = /^(.*:)([^:]*)$/.exec(address) ?? []
  // an IPv4 address at the end counts as two groups
  const halves = (ipv4.test(end) ? `${start}0:0` : address).split('::')
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  // `::` stands for one group or more
  const isComplete = halves.length === 1 ? groups.length === 8 : halves.length === 2 && groups.length < 8
  return isComplete && groups.every((group) => /^[\da-f]{1,4}$/i.test(group))
}

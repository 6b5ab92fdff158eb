import { describe, expect, test } from 'bun:test'
import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { clientAddress, countedNetwork, readAddress, readTrustedProxies } from './client-address.ts'

describe('an address', () => {
  const spellings: readonly (readonly [string, string | undefined])[] = [
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:54321', '203.0.113.7'],
    ['::1', '::1'],
    ['[::1]', '::1'],
    ['[::1]:443', '::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
    ['::ffff:255.255.255.255', '255.255.255.255'],
    ['', undefined],
    ['unknown', undefined],
    ['_hidden', undefined],
    ['203.0.113', undefined],
    ['203.0.113.7.8', undefined],
    ['203.0.113.256', undefined],
    ['203.0.113.7:', undefined],
    ['[203.0.113.7]', undefined],
    ['[::1', undefined],
    ['::1]', undefined],
    ['0x7f.1', undefined],
    ['2130706433', undefined],
    ['localhost', undefined],
    ['203.0.113.7 203.0.113.8', undefined],
    [`${'1'.repeat(10_000)}`, undefined],
  ]
  for (const [text, address] of spellings)
    test(`${text.slice(0, 40)} is ${address ?? 'none'}`, () => expect(readAddress(text)).toBe(address))
})

describe('TRUSTED_PROXIES', () => {
  const { proxies, malformed } = readTrustedProxies(['10.1.0.0/16', '2001:db8:1::/48', '192.0.2.1', 'Loopback'])

  test('are addresses, ranges and loopback', () => {
    expect(malformed).toEqual([])
    for (const address of ['10.1.2.3', '2001:db8:1:2::3', '192.0.2.1', '127.0.0.1', '127.9.9.9', '::1'])
      expect([address, proxies.has(address)]).toEqual([address, true])
    for (const address of ['10.2.0.1', '2001:db8:2::1', '192.0.2.2', '::2', '', 'garbage'])
      expect([address, proxies.has(address)]).toEqual([address, false])
  })

  test('may be IPv4 within IPv6, which means the IPv4 address', () => {
    const mapped = readTrustedProxies(['::ffff:10.0.0.0/104', '::ffff:192.0.2.1'])
    expect(mapped.malformed).toEqual([])
    expect(['10.9.9.9', '192.0.2.1', '192.0.2.2'].map((address) => mapped.proxies.has(address))).toEqual([
      true,
      true,
      false,
    ])
  })

  test('cover the addresses that a list of Node covers', () => {
    // few different groups, so that many addresses are near the border of a range
    const ipv4 = fc
      .array(fc.constantFrom(0, 1, 127, 128, 255), { minLength: 4, maxLength: 4 })
      .map((all) => all.join('.'))
    const group = fc.constantFrom('0', '1', '7fff', '8000', 'ffff')
    const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((all) => all.join(':'))
    const mixed = fc
      .tuple(fc.array(group, { maxLength: 4 }), ipv4)
      .map(([all, end]) => `${['1', ...all].join(':')}::${end}`)
    const address = fc.oneof(ipv4, ipv6, mixed, fc.ipV4(), fc.ipV6())
    const range = fc.tuple(fc.oneof(ipv4, ipv6), fc.nat(128)).map(([network, bits]) => {
      return { network, bits: isIP(network) === 4 ? bits % 33 : bits }
    })
    fc.assert(
      fc.property(range, fc.array(address, { minLength: 1, maxLength: 20 }), ({ network, bits }, addresses) => {
        const list = new BlockList()
        list.addSubnet(network, bits, isIP(network) === 4 ? 'ipv4' : 'ipv6')
        const { proxies: trusted, malformed } = readTrustedProxies([`${network}/${bits}`])
        fc.pre(malformed.length === 0)
        for (const written of addresses) {
          const read = readAddress(written) ?? ''
          expect(trusted.has(read), `${read} in ${network}/${bits}`).toBe(
            list.check(read, isIP(read) === 4 ? 'ipv4' : 'ipv6'),
          )
        }
      }),
      { numRuns: runs(5_000) },
    )
  })

  test('may be IPv4 within IPv6, in any spelling', () => {
    for (const network of ['::ffff:10.0.0.0/104', '::ffff:a00:0/104', '0:0:0:0:0:ffff:0a00:0000/104']) {
      const { proxies, malformed } = readTrustedProxies([network])
      expect([malformed, proxies.has('10.1.2.3'), proxies.has('11.1.2.3')]).toEqual([[], true, false])
    }
  })

  test('may cover all addresses', () => {
    const all = readTrustedProxies(['0.0.0.0/0', '::/0'])
    expect(all.malformed).toEqual([])
    expect([all.proxies.has('203.0.113.7'), all.proxies.has('2001:db8::1')]).toEqual([true, true])
  })

  test('that are malformed are reported', () => {
    const wrong = [
      '10.0.0.0/33',
      '::1/129',
      '10.0.0',
      'proxy.lan',
      '10.0.0.1:80',
      '[::1]',
      '10.0.0.0/',
      '/8',
      '*',
      '::ffff:1.2.3.4/8',
    ]
    expect(readTrustedProxies(['10.0.0.1', ...wrong]).malformed).toEqual(wrong)
  })
})

describe('the client of a request', () => {
  const { proxies } = readTrustedProxies(['10.0.0.0/8', 'loopback'])
  const of = (peer: string, forwarded?: string, more: Record<string, string> = {}) =>
    clientAddress(
      peer,
      new Headers({ ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }), ...more }),
      proxies,
    )

  const cases: readonly (readonly [string, string, string | undefined, string])[] = [
    ['without a proxy is the peer', '203.0.113.7', undefined, '203.0.113.7'],
    [
      'is the peer if that is not a trusted proxy, even if it sends the header',
      '203.0.113.7',
      '198.51.100.1',
      '203.0.113.7',
    ],
    ['is the one that the proxy names', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['is the proxy without a header', '10.0.0.1', undefined, '10.0.0.1'],
    ['is the last address in the header, not the first', '10.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['is found behind several proxies', '127.0.0.1', '1.1.1.1,198.51.100.1 , 10.0.0.2,10.0.0.3', '198.51.100.1'],
    ['is the first address if all of them are trusted proxies', '127.0.0.1', '10.0.0.4, 10.0.0.3', '10.0.0.4'],
    ['may have a port', '10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['may have brackets', '10.0.0.1', '[2001:db8::5]:4711', '2001:db8::5'],
    ['may be IPv4 within IPv6, and so may the proxy', '::ffff:10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['is the proxy if that hides the client', '10.0.0.1', '1.1.1.1, unknown', '10.0.0.1'],
    ['is the inner proxy if that hides the client', '10.0.0.1', '1.1.1.1, unknown, 10.0.0.9', '10.0.0.9'],
    ['is the proxy if its header is empty', '10.0.0.1', '', '10.0.0.1'],
    ['is the proxy if the last address in its header is empty', '10.0.0.1', '1.1.1.1,', '10.0.0.1'],
  ]
  for (const [name, peer, forwarded, address] of cases) test(name, () => expect(of(peer, forwarded)).toBe(address))

  test('is not read from any other header', () => {
    const more = {
      forwarded: 'for=1.1.1.1',
      'x-real-ip': '1.1.1.1',
      'cf-connecting-ip': '1.1.1.1',
      'true-client-ip': '1.1.1.1',
    }
    expect(of('10.0.0.1', undefined, more)).toBe('10.0.0.1')
  })
})

test('an IPv6 address counts as its network of 64 bits, an IPv4 address as itself', () => {
  expect(countedNetwork('203.0.113.7')).toBe('203.0.113.7')
  const network = countedNetwork('2001:db8:0:1::1')
  for (const address of ['2001:db8:0:1::2', '2001:db8:0:1:ffff:ffff:ffff:ffff', '2001:db8:0:1:2:3:4:5'])
    expect(countedNetwork(address)).toBe(network)
  for (const address of ['2001:db8::1', '2001:db8:0:2::1', '::1', 'fe80::1'])
    expect(countedNetwork(address)).not.toBe(network)
  expect(countedNetwork('::1')).toBe(countedNetwork('::2'))
})

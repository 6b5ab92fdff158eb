import { expect, test } from 'bun:test'
import { type FoundAddress, type LookUps, resolver } from './resolve-name.ts'

const found = (address: string, ttl = 60): readonly FoundAddress[] => [{ address, ttl }]
const failing = (code: string) => Promise.reject(Object.assign(new Error(code), { code }))
const never = () => Promise.withResolvers<never>().promise

/** Makes a resolver that counts its look-ups. */
function given(lookUps: Partial<LookUps>) {
  const asked: string[] = []
  const clock = { now: 0 }
  const resolve = resolver({
    dns(hostname) {
      asked.push(`dns ${hostname}`)
      return lookUps.dns?.(hostname) ?? Promise.resolve(found('192.0.2.1'))
    },
    system(hostname) {
      asked.push(`system ${hostname}`)
      return lookUps.system?.(hostname) ?? Promise.resolve(found('192.0.2.2', 0))
    },
    now: () => clock.now,
  })
  return { resolve, asked, clock }
}

test('an IP address is not looked up', async () => {
  const { resolve, asked } = given({})
  expect([await resolve('127.0.0.1'), await resolve('::1')]).toEqual([['127.0.0.1'], ['::1']])
  expect(asked).toEqual([])
})

test('concurrent look-ups of a name share one, and the result is kept for its TTL, at most 30 s', async () => {
  const { resolve, asked, clock } = given({ dns: async () => [...found('192.0.2.1', 3_600), ...found('192.0.2.1')] })
  expect(await Promise.all([resolve('a'), resolve('a')])).toEqual([['192.0.2.1'], ['192.0.2.1']])
  clock.now = 29_999
  await resolve('a')
  expect(asked).toEqual(['dns a'])
  clock.now = 30_001
  await resolve('a')
  expect(asked).toEqual(['dns a', 'dns a'])
})

test('a failure is not kept', async () => {
  let isSilent = true
  const { resolve } = given({ dns: async () => (isSilent ? failing('DNS_ETIMEOUT') : found('192.0.2.1')) })
  expect(await resolve('a').catch(String)).toContain('ETIMEOUT')
  isSilent = false
  expect(await resolve('a')).toEqual(['192.0.2.1'])
})

test('the system is asked for a name that no name server knows, but not after a timeout', async () => {
  const { resolve, asked } = given({ dns: (name) => failing(name === 'silent' ? 'DNS_ETIMEOUT' : 'DNS_ENOTFOUND') })
  expect(await resolve('printer.local')).toEqual(['192.0.2.2'])
  expect(await resolve('silent').catch(String)).toContain('ETIMEOUT')
  expect(asked).toEqual(['dns printer.local', 'system printer.local', 'dns silent'])
})

test('any number of silent names does not delay the others, and the system is asked for one name at a time', async () => {
  const { resolve, asked } = given({
    dns: async (name) => {
      if (name.startsWith('silent')) return never()
      return name.startsWith('odd') ? failing('DNS_ENOTFOUND') : found('192.0.2.1')
    },
    system: never,
  })
  for (let at = 0; at < 100; at++) {
    void resolve(`silent${at}`)
    void resolve(`odd${at}`)
  }
  expect(await resolve('other')).toEqual(['192.0.2.1'])
  expect(asked.filter((ask) => ask.startsWith('system'))).toEqual(['system odd0'])
})

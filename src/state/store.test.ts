/** Tests the rules of `Store` for every kind of store. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ChatError } from '../chat/error.ts'
import { machine, machineWith } from '../wire/machine.double.ts'
import { maxValueBytes } from './bounds.ts'
import { FallbackStore } from './fallback-store.ts'
import { MemoryStore } from './memory/memory-store.ts'
import { openRedisStore } from './redis/open-redis.ts'
import { installedServers, type RealRedis, startRedis } from './redis/real-redis.double.ts'
import { sealWith } from './seal.ts'
import { SqliteStore } from './sqlite/sqlite-store.ts'
import { leaseMemoryMs, type Store } from './store.ts'
import { storeKinds } from './store-kinds.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-store-'))
const servers = await Promise.all(
  installedServers.map(async (program) => ({
    name: program.replace('-server', ''),
    server: await startRedis(program),
  })),
)
afterAll(async () => {
  rmSync(folder, { recursive: true })
  for (const { server } of servers) await server[Symbol.asyncDispose]()
})
const key = randomBytes(32)

let time = 0
let files = 0
const now = () => time
const sqlite = () => new SqliteStore(join(folder, `${++files}.db`), { runtime: machineWith({ now }) })

/** A store in a part of the server that no other store uses. */
const redis = (server: RealRedis) => openRedisStore(server.part(), { runtime: machine, clock: now })

const stores: Readonly<Record<string, () => Store | Promise<Store>>> = {
  memory: () => new MemoryStore({ runtime: { now } }),
  sqlite,
  'sealed memory': () => sealWith(new MemoryStore({ runtime: { now } }), [key], { runtime: machine }),
  'sealed sqlite': () => sealWith(sqlite(), [key], { runtime: machine }),
  'sqlite with a fallback': () => new FallbackStore(sqlite(), machineWith({ now })),
  ...Object.fromEntries(
    servers.flatMap(({ name, server }) => [
      [name, () => redis(server)],
      [`sealed ${name}`, async () => sealWith(await redis(server), [key], { runtime: machine })],
    ]),
  ),
}

/** The reason of a refused promise. */
async function refusalOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'nothing',
    (thrown) => (thrown instanceof ChatError ? thrown.reason : String(thrown)),
  )
}

test('every kind of store is tested here', () => {
  const tested = [...Object.keys(stores), ...(installedServers.includes('redis-server') ? [] : ['redis'])]
  for (const { form } of storeKinds) expect(tested).toContain(form.split(':')[0] ?? form)
})

for (const [name, open] of Object.entries(stores))
  describe(`the ${name} store`, () => {
    let store: Store
    beforeEach(async () => {
      time = 1_000_000
      await store?.close()
      store = await open()
    })
    afterAll(() => store.close())

    const value = async (key: string) => (await store.get(key))?.value
    const version = async (key: string) => (await store.get(key))?.version ?? 0

    describe('values', () => {
      test('exist after they are put, are replaced by the next write, and are gone after they are deleted', async () => {
        expect(await store.get('a')).toBeUndefined()
        await store.put('a', '1')
        await store.put('b', '2')
        expect(await value('a')).toBe('1')
        await store.put('a', '3')
        expect([await value('a'), await value('b')]).toEqual(['3', '2'])
        await store.delete('a')
        await store.delete('never-there')
        expect([await value('a'), await value('b')]).toEqual([undefined, '2'])
      })

      const unusualTexts = {
        'the empty string': '',
        'a NUL in the middle': 'a\0b',
        'nothing but NULs': '\0\0',
        'half a surrogate pair': 'x\ud800',
        'halves in the wrong order, with a NUL': '\udc00\0\ud800y',
        'a whole pair': '😀\u{10ffff}',
        'every character of a byte': String.fromCharCode(...Array.from({ length: 256 }, (_, at) => at)),
        'what looks like JSON': '"\\ud800"',
        'a byte order mark': '\ufeffx',
        'one mebibyte': 'é\0"x'.repeat(262_144),
        'one mebibyte with half a pair': `${'x'.repeat(1_048_575)}\udfff`,
      }
      for (const [what, text] of Object.entries(unusualTexts))
        test(`are read back unchanged: ${what}`, async () => {
          await store.put('strange', text)
          expect((await value('strange')) === text).toBe(true)
          expect(await store.compareAndSet('strange', await version('strange'), `${text}.`)).toBeNumber()
          expect((await store.take('strange')) === `${text}.`).toBe(true)
        })

      test('over the limit are refused, and the former value stays', async () => {
        await store.put('a', '1')
        const long = 'x'.repeat(maxValueBytes / 2 + 1)
        expect(await refusalOf(store.put('a', long))).toBe('too-large')
        expect(await refusalOf(store.compareAndSet('a', await version('a'), long))).toBe('too-large')
        expect(await value('a')).toBe('1')
      })
    })

    describe('keys', () => {
      test('with the smallest difference are different', async () => {
        const keys = ['a', 'A', 'a ', 'a\0', 'a\0b', 'á', 'a\u0301', '1', '1.0', '01', '', 'x'.repeat(1024)]
        for (const key of keys) await store.put(key, `of ${key}`)
        for (const key of keys) expect(await value(key)).toBe(`of ${key}`)
      })

      for (const [what, key] of [
        ['half a surrogate pair', 'a\ud800'],
        ['more than 1,024 characters', 'x'.repeat(1025)],
      ] as const)
        test(`with ${what} are refused by every method`, async () => {
          const calls = [
            store.get(key),
            store.put(key, ''),
            store.compareAndSet(key, 0, ''),
            store.take(key),
            store.delete(key),
            store.keys(key, 1),
            store.lease(key, 1),
            store.increment(key, 1),
            store.notify(key, ''),
            store.listen(key, () => undefined),
          ]
          for (const call of calls) expect(await refusalOf(call)).toBe('invalid-request')
        })

      test('are listed by a prefix, which is not a pattern', async () => {
        const keys = [
          'a%',
          'a%b',
          'a_',
          'a_b',
          'ab',
          'axb',
          'a*',
          'a?',
          'a[x]',
          'A',
          'a',
          'b',
          "a'",
          'a"',
          'a\\',
          'a\0x',
        ]
        for (const key of keys) await store.put(key, '')
        for (const prefix of ['a%', 'a_', 'a*', 'a?', 'a[', "a'", 'a"', 'a\\', 'a\0', 'a', 'A', 'b', 'c', ''])
          expect(await store.keys(prefix, 100)).toEqual(keys.filter((key) => key.startsWith(prefix)).sort())
      })

      test('are listed in the order of their code points, up to the limit', async () => {
        const keys = ['p:\0', 'p:1', 'p:10', 'p:2', 'p:a', 'p:é', 'p:\uffff', 'p:😀', 'p:\u{10ffff}', 'p:\u{10ffff}a']
        for (const key of [...keys].reverse()) await store.put(key, '')
        await store.put('o', '')
        await store.put('q', '')
        for (const limit of [0, 1, 3, 10, 11]) expect(await store.keys('p:', limit)).toEqual(keys.slice(0, limit))
      })

      test('whose values have ended are not listed', async () => {
        await store.put('p1', '', { ttlMs: 10 })
        await store.put('p2', '')
        time += 10
        expect(await store.keys('p', 1)).toEqual(['p2'])
        expect(await store.keys('', 9)).toEqual(['p2'])
      })
    })

    describe('an end', () => {
      test('comes exactly after its milliseconds', async () => {
        await store.put('a', '1', { ttlMs: 1000 })
        time += 999
        expect(await value('a')).toBe('1')
        time += 1
        expect(await value('a')).toBeUndefined()
        expect(await store.take('a')).toBeUndefined()
      })

      test('is that of the newest write', async () => {
        await store.put('a', '1', { ttlMs: 10 })
        await store.put('a', '2', { ttlMs: 1000 })
        await store.put('b', '1', { ttlMs: 10 })
        await store.put('b', '2')
        await store.compareAndSet('c', 0, '1', { ttlMs: 10 })
        time += 500
        expect([await value('a'), await value('b'), await value('c')]).toEqual(['2', '2', undefined])
        time += 500
        expect([await value('a'), await value('b')]).toEqual([undefined, '2'])
      })

      test('makes the key free: a write finds no value', async () => {
        await store.put('a', '1', { ttlMs: 10 })
        const former = await version('a')
        time += 10
        expect(await store.compareAndSet('a', former, '2')).toBeUndefined()
        expect(await store.compareAndSet('a', 0, '2')).toBeGreaterThan(former)
      })
    })

    describe('a version', () => {
      test('is over 0 and changes with every write, even after the key was deleted', async () => {
        const seen: number[] = []
        const writes = [
          () => store.put('a', '1'),
          () => store.put('a', '1'),
          async () => store.compareAndSet('a', await version('a'), '1'),
          () => store.delete('a').then(() => store.put('a', '1')),
          () => store.take('a').then(() => store.put('a', '1')),
          () =>
            store
              .put('a', '', { ttlMs: 1 })
              .then(() => (time += 1))
              .then(() => store.put('a', '1')),
        ]
        for (const write of writes) {
          await write()
          seen.push(await version('a'))
        }
        expect(Math.min(...seen)).toBeGreaterThan(0)
        expect(new Set(seen).size).toBe(writes.length)
      })

      test('that is not the newest writes nothing', async () => {
        expect(await store.compareAndSet('a', 7, 'x')).toBeUndefined()
        const first = (await store.compareAndSet('a', 0, '1')) ?? 0
        expect(await store.compareAndSet('a', 0, 'x')).toBeUndefined()
        const second = (await store.compareAndSet('a', first, '2')) ?? 0
        expect(await store.compareAndSet('a', first, 'x')).toBeUndefined()
        expect(await store.get('a')).toEqual({ value: '2', version: second })
        await store.delete('a')
        expect(await store.compareAndSet('a', second, 'x')).toBeUndefined()
        expect(await store.get('a')).toBeUndefined()
      })

      test('lets a hundred callers count at once without a loss', async () => {
        const increment = async (): Promise<void> => {
          const found = await store.get('count')
          const next = String(Number(found?.value ?? 0) + 1)
          if (!(await store.compareAndSet('count', found?.version ?? 0, next))) await increment()
        }
        await Promise.all(Array.from({ length: 100 }, increment))
        expect(await value('count')).toBe('100')
      })
    })

    test('one of many callers that take at once gets the value', async () => {
      await store.put('a', '1')
      const taken = await Promise.all(Array.from({ length: 50 }, () => store.take('a')))
      expect(taken.filter((found) => found !== undefined)).toEqual(['1'])
      expect(await store.get('a')).toBeUndefined()
    })

    describe('a counter', () => {
      test('begins at 0, adds and subtracts, and is not a value', async () => {
        expect(await store.increment('n', 0)).toBe(0)
        expect(await store.increment('n', 3)).toBe(3)
        expect(await store.increment('n', -5)).toBe(-2)
        expect(await store.increment('m', 1)).toBe(1)
        await store.put('n', 'a value')
        expect([await store.increment('n', 0), await value('n')]).toEqual([-2, 'a value'])
        await store.delete('n')
        expect([await store.increment('n', 0), await store.keys('', 9)]).toEqual([-2, []])
      })

      test('loses none of a hundred increments at once, and each caller gets its own count', async () => {
        const counts = await Promise.all(Array.from({ length: 100 }, () => store.increment('n', 1, { ttlMs: 1000 })))
        expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1))
      })

      test('begins anew exactly after its milliseconds, however often it was used', async () => {
        for (let at = 1; at <= 10; at++) {
          expect(await store.increment('n', 1, { ttlMs: 1000 })).toBe(at)
          time += 99
        }
        time += 9
        expect(await store.increment('n', 1, { ttlMs: 1000 })).toBe(11)
        time += 1
        expect(await store.increment('n', 0)).toBe(0)
        expect(await store.increment('n', 7, { ttlMs: 1000 })).toBe(7)
        time += 999
        expect(await store.increment('n', 1, { ttlMs: 1000 })).toBe(8)
        time += 1
        expect(await store.increment('n', 1, { ttlMs: 1000 })).toBe(1)
      })

      test('that is only read starts no window', async () => {
        await store.increment('n', 0, { ttlMs: 1000 })
        time += 500
        await store.increment('n', 1, { ttlMs: 1000 })
        time += 500
        expect(await store.increment('n', 0)).toBe(1)
      })

      test('without milliseconds stays until an increment sets some', async () => {
        await store.increment('n', 1)
        time += leaseMemoryMs
        expect(await store.increment('n', 1, { ttlMs: 10 })).toBe(2)
        expect(await store.increment('n', 1)).toBe(3)
        time += 10
        expect(await store.increment('n', 1)).toBe(1)
      })

      test('whose window was started by a clock that was ahead ends in time', async () => {
        time += leaseMemoryMs
        await store.increment('n', 1, { ttlMs: 1000 })
        time -= leaseMemoryMs
        expect(await store.increment('n', 1, { ttlMs: 1000 })).toBe(2)
        time += 1000
        expect(await store.increment('n', 1, { ttlMs: 1000 })).toBe(1)
      })

      test('has only safe integers, and is not changed by an increment beyond them', async () => {
        await store.increment('n', Number.MAX_SAFE_INTEGER - 1)
        expect(await store.increment('n', 1)).toBe(Number.MAX_SAFE_INTEGER)
        for (const by of [1, Number.MAX_SAFE_INTEGER, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
          expect(`${by} ${await refusalOf(store.increment('n', by))}`).toBe(`${by} invalid-request`)
        expect(await store.increment('n', 0)).toBe(Number.MAX_SAFE_INTEGER)
        expect(await store.increment('n', -Number.MAX_SAFE_INTEGER)).toBe(0)
        await store.increment('n', -Number.MAX_SAFE_INTEGER)
        expect(await refusalOf(store.increment('n', -1))).toBe('invalid-request')
        expect(await store.increment('n', 0)).toBe(Number.MIN_SAFE_INTEGER)
      })

      test('has a name like any key: names with the smallest difference are different', async () => {
        const keys = ['a', 'A', 'a ', 'a\0', 'á', 'a\u0301', '1', '01', '', '😀', 'x'.repeat(1024)]
        for (const [at, key] of keys.entries()) await store.increment(key, at + 1)
        for (const [at, key] of keys.entries()) expect(await store.increment(key, 0)).toBe(at + 1)
      })
    })

    test('all values and counters are given with what is left of their time, and no leases', async () => {
      const given = async () => (await Array.fromAsync(store.entries())).map((entry) => JSON.stringify(entry)).sort()
      expect(await given()).toEqual([])
      const keys = ['', '*', 'a', 'a\0', 'b\u00e9']
      for (const key of keys) await store.put(key, `x\ud800 of ${key}`, { ttlMs: 1_000 })
      await store.put('a', 'stays')
      await store.put('ended', '', { ttlMs: 10 })
      await store.increment('a', Number.MAX_SAFE_INTEGER)
      await store.increment('n', -5, { ttlMs: 1_000 })
      await store.increment('ended', 5, { ttlMs: 10 })
      await store.lease('l', 1_000)
      time += 10
      const expected = [
        ...keys
          .filter((key) => key !== 'a')
          .map((key) => ({ kind: 'value', key, value: `x\ud800 of ${key}`, ttlMs: 990 })),
        { kind: 'value', key: 'a', value: 'stays' },
        { kind: 'counter', key: 'a', value: String(Number.MAX_SAFE_INTEGER) },
        { kind: 'counter', key: 'n', value: '-5', ttlMs: 990 },
      ]
      expect(await given()).toEqual(expected.map((entry) => JSON.stringify(entry)).sort())
    })

    describe('a notice', () => {
      /** Listens on a channel. It returns the texts so far, and a function that stops it. */
      const listenOn = async (channel: string) => {
        const received: string[] = []
        return { received, release: await store.listen(channel, (text) => void received.push(text)) }
      }
      /** Waits until all earlier notices on the channel have arrived. */
      const deliverAll = async (channel: string) => {
        const end = Promise.withResolvers<void>()
        const release = await store.listen(channel, (text) => text === 'settled' && end.resolve())
        await store.notify(channel, 'settled')
        await end.promise
        release()
      }

      test('reaches all listeners of its channel, in order, and no others', async () => {
        const [one, two, other] = [await listenOn('c'), await listenOn('c'), await listenOn('C')]
        const sent = Array.from({ length: 100 }, (_, at) => String(at))
        for (const text of sent) void store.notify('c', text)
        await deliverAll('c')
        await deliverAll('C')
        expect([one.received, two.received]).toEqual([
          [...sent, 'settled'],
          [...sent, 'settled'],
        ])
        expect(other.received).toEqual(['settled'])
        for (const { release } of [one, two, other]) release()
      })

      test('arrives unchanged', async () => {
        const { received, release } = await listenOn('c')
        const texts = ['', 'a\0b', 'x\ud800', '\udc00\ud800', '😀', '"\\ud800"', '\ufeffx', 'é'.repeat(10_000)]
        for (const text of texts) await store.notify('c', text)
        await deliverAll('c')
        expect(received).toEqual([...texts, 'settled'])
        release()
      })

      test('does not reach a listener that began later or has stopped', async () => {
        await store.notify('c', 'too early')
        const [stays, stops] = [await listenOn('c'), await listenOn('c')]
        await store.notify('c', '1')
        await deliverAll('c')
        stops.release()
        stops.release()
        await store.notify('c', '2')
        await deliverAll('c')
        expect([stays.received, stops.received]).toEqual([
          ['1', 'settled', '2', 'settled'],
          ['1', 'settled'],
        ])
        stays.release()
      })

      test("arrives after the sender's call, and twice at a listener that was added twice", async () => {
        const received: string[] = []
        const listener = (text: string) => void received.push(text)
        const releases = [await store.listen('c', listener), await store.listen('c', listener)]
        const sending = store.notify('c', '1')
        expect(received).toEqual([])
        await sending
        await deliverAll('c')
        expect(received).toEqual(['1', '1', 'settled', 'settled'])
        releases[0]?.()
        await store.notify('c', '2')
        await deliverAll('c')
        expect(received.slice(4)).toEqual(['2', 'settled'])
        releases[1]?.()
      })

      test('may be answered, and a listener may stop while it is called', async () => {
        const [ping, pong] = [
          await store.listen('ping', (text) => void store.notify('pong', text)),
          await listenOn('pong'),
        ]
        const once: string[] = []
        const releaseOnce = await store.listen('ping', (text) => {
          once.push(text)
          releaseOnce()
        })
        await store.notify('ping', '1')
        await store.notify('ping', '2')
        await deliverAll('ping')
        await deliverAll('pong')
        expect([once, pong.received]).toEqual([['1'], ['1', '2', 'settled', 'settled']])
        ping()
        pong.release()
      })

      test('does not reach a listener that stops before it arrives', async () => {
        const { received, release } = await listenOn('c')
        const sending = [store.notify('c', '1'), store.notify('c', '2')]
        release()
        await Promise.all(sending)
        await deliverAll('c')
        expect(received).toEqual([])
      })

      test('over the limit is refused', async () => {
        expect(await refusalOf(store.notify('c', 'x'.repeat(65_537)))).toBe('too-large')
        expect(await refusalOf(store.notify('c', 'x'.repeat(40_000)))).toBe('nothing')
      })

      test('is not delivered after the store is closed', async () => {
        const { received } = await listenOn('c')
        await store.close()
        await store.notify('c', '1').catch(() => undefined)
        store = await open()
        await deliverAll('c')
        expect(received).toEqual([])
      })
    })

    describe('a lease', () => {
      const write = (fence: number, text: string, leaseName = 'l') =>
        version('a').then((read) => store.compareAndSet('a', read, text, { lease: { name: leaseName, fence } }))
      const fenceOf = async (leaseName: string, ttlMs = 1000) => (await store.lease(leaseName, ttlMs))?.fence ?? 0

      test('belongs to one holder until it is released or ends', async () => {
        const held = await store.lease('l', 1000)
        expect(held?.fence).toBeGreaterThan(0)
        expect(await store.lease('l', 1000)).toBeUndefined()
        expect(await store.lease('other', 1000)).toBeDefined()
        time += 999
        expect(await store.lease('l', 1000)).toBeUndefined()
        time += 1
        const next = await store.lease('l', 1000)
        expect(next?.fence).toBeGreaterThan(held?.fence ?? 0)
        await next?.release()
        expect(await fenceOf('l')).toBeGreaterThan(next?.fence ?? 0)
      })

      test('is extended by its holder, until it is released or another has taken it', async () => {
        const held = await store.lease('l', 1000)
        time += 900
        expect(await held?.extend(1000)).toBe(true)
        time += 900
        expect(await store.lease('l', 1000)).toBeUndefined()
        time += 200
        // it has ended, but nobody has taken it
        expect(await held?.extend(1000)).toBe(true)
        expect(await store.lease('l', 1000)).toBeUndefined()
        time += 1000
        const next = await store.lease('l', 1000)
        expect(await held?.extend(1000)).toBe(false)
        expect(await write(held?.fence ?? 0, 'late')).toBeUndefined()
        await next?.release()
        expect(await next?.extend(1000)).toBe(false)
        expect(await fenceOf('l')).toBeGreaterThan(next?.fence ?? 0)
      })

      test('that another holder has taken is not released', async () => {
        const former = await store.lease('l', 10)
        time += 10
        const fence = await fenceOf('l')
        await former?.release()
        expect(await store.lease('l', 10)).toBeUndefined()
        expect(await write(fence, '1')).toBeNumber()
      })

      test('that was released is free, even if the clock was set back since', async () => {
        time += leaseMemoryMs / 2
        const held = await store.lease('l', 1000)
        await held?.release()
        time -= leaseMemoryMs / 2
        expect(await write(held?.fence ?? 0, '1')).toBeNumber()
        expect(await fenceOf('l')).toBeGreaterThan(held?.fence ?? 0)
      })

      test('goes to one of many callers that ask at once', async () => {
        const leases = await Promise.all(Array.from({ length: 50 }, () => store.lease('l', 1000)))
        expect(leases.filter((lease) => lease !== undefined).length).toBe(1)
      })

      test('writes until a newer lease is taken, even after it has ended or was released', async () => {
        const held = await store.lease('l', 10)
        const former = held?.fence ?? 0
        expect(await write(former, '1')).toBeNumber()
        time += 10
        expect(await write(former, '2')).toBeNumber()
        await held?.release()
        expect(await write(former, '3')).toBeNumber()
        const newer = await fenceOf('l')
        expect(await write(former, 'late')).toBeUndefined()
        expect(await value('a')).toBe('3')
        expect(await write(newer, '4')).toBeNumber()
        expect(await value('a')).toBe('4')
      })

      test('refuses the fence of another name, and one that was never given', async () => {
        const fence = await fenceOf('l')
        const other = await fenceOf('m')
        expect(await write(other, 'x')).toBeUndefined()
        expect(await write(fence + other + 1, 'x')).toBeUndefined()
        expect(await write(fence, 'x', 'nobody')).toBeUndefined()
        expect(await store.get('a')).toBeUndefined()
      })

      test('does not replace the check of the version', async () => {
        const fence = await fenceOf('l')
        await store.put('a', '1')
        expect(await store.compareAndSet('a', 0, 'x', { lease: { name: 'l', fence } })).toBeUndefined()
      })

      test('is remembered for most of a day, even if other leases are taken', async () => {
        const former = await fenceOf('l', 10)
        time += leaseMemoryMs - 1
        for (let at = 0; at < 10; at++) await store.lease(`m${at}`, 10)
        expect(await write(former, '1')).toBeNumber()
      })
    })
  })

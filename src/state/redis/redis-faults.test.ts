/** P26: what the loss of Redis does to the state, with a real server. */
import { expect, test } from 'bun:test'
import { until, within } from '../../../test/waiting.ts'
import { ChatError } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import { machine } from '../../wire/machine.double.ts'
import type { Store } from '../store.ts'
import { inspectRedis } from './inspect-redis.ts'
import { openRedis, openRedisStore } from './open-redis.ts'
import { installedServers, type RealRedis, startRedis } from './real-redis.double.ts'
import type { RedisServer } from './redis-server.ts'

/** Milliseconds after which a wait has failed. It is no measurement: a busy machine needs long. */
const longMs = 20_000
const secret = new Secret('a-secret-of-the-redis-tests')

/** Runs a test with a server of its own, for each kind of server that is installed. */
function testWith(what: string, run: (redis: RealRedis) => Promise<void>): void {
  for (const program of installedServers)
    test(`${program}: ${what}`, async () => {
      await using redis = await startRedis(program)
      await run(redis)
    })
  if (installedServers.length === 0) test.skip(`${what}: needs redis-server, which is not installed`, () => undefined)
}

async function opened(server: RedisServer): Promise<Store & AsyncDisposable> {
  const store = await openRedisStore(server, { runtime: machine })
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() })
}

const heal = (store: Store) => until(() => store.problem() === undefined, longMs, 'the store is well again')

/** The error of a call that must fail. */
async function failureOf(call: Promise<unknown>): Promise<ChatError> {
  const thrown = await within(
    call.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
    longMs,
    'the call ends',
  )
  if (!(thrown instanceof ChatError)) throw new Error(`It did not fail as it should: ${thrown}`)
  return thrown
}

/** One call of each kind. */
const callsOf = (store: Store): readonly Promise<unknown>[] => [
  store.get('a'),
  store.put('a', '1'),
  store.compareAndSet('a', 0, '1'),
  store.take('a'),
  store.delete('a'),
  store.keys('', 1),
  store.lease('l', 1_000),
  store.increment('n', 1),
  store.notify('c', ''),
  store.listen('c', () => undefined),
]

async function expectAllRefused(store: Store): Promise<void> {
  for (const error of await Promise.all(callsOf(store).map(failureOf)))
    expect(error).toMatchObject({ reason: 'unavailable', code: 'state_unavailable', retryAfterMs: 5_000 })
}

/** Waits until a notice reaches the listener. One that is lost is sent again, because a notice is only a hint. */
async function expectHeard(store: Store, heard: readonly string[], text: string): Promise<void> {
  await until(
    async () => {
      await store.notify('c', text).catch(() => undefined)
      return heard.includes(text)
    },
    longMs,
    'the notice arrives',
  )
}

testWith('after it was killed every call is refused, and it heals by itself, with its subscriptions', async (redis) => {
  await using store = await opened(redis.part())
  const heard: string[] = []
  await store.listen('c', (text) => void heard.push(text))
  await redis.kill()
  await until(
    () => store.problem()?.message.startsWith('Redis cannot be reached (') === true,
    longMs,
    'it says that it is gone',
  )
  await expectAllRefused(store)
  await redis.start()
  await heal(store)
  await store.put('a', '1')
  await expectHeard(store, heard, 'again')
})

testWith('while it is stopped every call ends, later ones at once, and then it goes on', async (redis) => {
  await using store = await opened(redis.part())
  await store.put('kept', '1')
  redis.pause()
  // they all end although the server still says nothing
  await expectAllRefused(store)
  await expectAllRefused(store)
  expect(store.problem()?.message).toBe('Redis does not answer.')
  redis.resume()
  await heal(store)
  expect((await store.get('kept'))?.value).toBe('1')
})

testWith('a fence from before a stop is refused after another process has the lease', async (redis) => {
  const server = redis.part()
  await using store = await opened(server)
  const former = await store.lease('l', 1)
  redis.pause()
  const late = failureOf(store.compareAndSet('a', 0, 'late', { lease: { name: 'l', fence: former?.fence ?? 0 } }))
  await late
  redis.resume()
  await heal(store)
  await until(async () => (await store.lease('l', 60_000)) !== undefined, longMs, 'the lease is free')
  expect(await store.compareAndSet('b', 0, 'late', { lease: { name: 'l', fence: former?.fence ?? 0 } })).toBeUndefined()
})

testWith('a connection that is cut while somebody listens comes back with its subscriptions', async (redis) => {
  await using store = await opened(redis.part())
  const heard: string[] = []
  await store.listen('c', (text) => void heard.push(text))
  for (const text of ['1', '2', '3']) {
    await redis.admin('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await expectHeard(store, heard, text)
  }
  await store.notify('c', 'once')
  await expectHeard(store, heard, 'end')
  expect(heard.filter((text) => text === 'once')).toEqual(['once'])
})

testWith('a read-only replica is read, its writes are refused, and a promotion heals it', async (redis) => {
  await using store = await opened(redis.part())
  await store.put('a', '1')
  await redis.admin('REPLICAOF', '127.0.0.1', '1')
  await failureOf(store.put('a', '2'))
  await failureOf(store.lease('l', 1_000))
  expect(store.problem()?.message).toBe('Redis is a read-only replica.')
  expect((await store.get('a'))?.value).toBe('1')
  await redis.admin('REPLICAOF', 'NO', 'ONE')
  await heal(store)
  await store.put('a', '2')
})

testWith('while it loads its data reads and writes are refused, and a start waits for it', async (redis) => {
  const server = redis.part()
  await using store = await opened(server)
  for (let at = 0; at < 20; at++) await store.put(`k${at}`, String(at).padEnd(2_000))
  // it answers after each kibibyte of its file
  await redis.admin('CONFIG', 'SET', 'rdbcompression', 'no')
  await redis.admin('SAVE')
  await redis.kill()
  // 100 ms a key
  const slowly = ['--key-load-delay', '100000', '--loading-process-events-interval-bytes', '1024']
  await redis.start(slowly, /Server initialized/)
  await until(
    () => store.problem()?.message === 'Redis is still loading its data.',
    longMs,
    'it says that it is loading',
  )
  for (const error of await Promise.all([store.get('k7'), store.put('a', '1'), store.lease('l', 1)].map(failureOf)))
    expect(error.retryAfterMs).toBe(5_000)
  const opening = opened(server)
  await redis.admin('CONFIG', 'SET', 'key-load-delay', '0')
  await using later = await opening
  await heal(store)
  expect([await later.get('k7'), await store.get('k7')].map((found) => found?.value.trim())).toEqual(['7', '7'])
})

testWith('with a full memory reads and deletions go on, and writes go on when there is room', async (redis) => {
  await using store = await opened(redis.part())
  await store.put('a', '1')
  await redis.admin('CONFIG', 'SET', 'maxmemory', '1')
  for (const call of [store.put('b', '1'), store.increment('n', 1), store.lease('l', 1)]) await failureOf(call)
  expect(store.problem()?.message).toBe('Redis has reached its maxmemory.')
  expect([(await store.get('a'))?.value, await store.take('a')]).toEqual(['1', '1'])
  await redis.admin('CONFIG', 'SET', 'maxmemory', '0')
  await heal(store)
  await store.put('b', '1')
})

testWith('a changed password is said after the next connection, and restored it heals', async (redis) => {
  const password = new Secret('the-first-password')
  await redis.admin('CONFIG', 'SET', 'requirepass', password.reveal())
  await using store = await opened(redis.part({ password }))
  await redis.admin('CONFIG', 'SET', 'requirepass', 'the-second-password')
  await store.put('a', '1')
  await redis.admin('CLIENT', 'KILL', 'TYPE', 'normal')
  await until(
    () => store.problem()?.message.includes('password') === true,
    longMs,
    'it says that the password is refused',
  )
  await expectAllRefused(store)
  expect(store.problem()?.message).toBe('Redis refuses the user or the password in STATE_URL.')
  await redis.admin('CONFIG', 'SET', 'requirepass', password.reveal())
  await heal(store)
  expect((await store.get('a'))?.value).toBe('1')
})

testWith('after it was emptied processes from before and after understand each other', async (redis) => {
  const server = redis.part()
  const before = await openRedis({ server, secret }, machine)
  const old = await before.lease('l', 60_000)
  const version = (await before.compareAndSet('a', 0, 'of before')) ?? 0
  await redis.kill()
  await redis.start()
  await heal(before)
  const after = await openRedis({ server, secret }, machine)
  await after.put('b', 'of after')
  await before.put('c', 'of before')
  expect([(await before.get('b'))?.value, (await after.get('c'))?.value]).toEqual(['of after', 'of before'])
  // neither an old version nor an old fence is valid again
  expect((await after.compareAndSet('a', 0, 'new')) ?? 0).toBeGreaterThan(version)
  expect(await before.compareAndSet('a', version, 'late')).toBeUndefined()
  const next = await after.lease('l', 60_000)
  expect(next?.fence).toBeGreaterThan(old?.fence ?? 0)
  expect(await before.compareAndSet('d', 0, 'late', { lease: { name: 'l', fence: old?.fence ?? 0 } })).toBeUndefined()
  await old?.release()
  expect(await after.lease('l', 1)).toBeUndefined()
  await Promise.all([before.close(), after.close()])
})

testWith('parts with other prefixes or databases share nothing, and processes of one part share all', async (redis) => {
  const server = redis.part({ prefix: 'p*[:' })
  await using one = await opened(server)
  await using other = await opened(server)
  await using elsewhere = await opened({ ...server, prefix: 'p' })
  await using database = await opened({ ...server, database: 1 })
  const heard: string[] = []
  for (const store of [one, other, elsewhere, database])
    await store.listen('c', (text) => void heard.push(`${[one, other, elsewhere, database].indexOf(store)} ${text}`))
  await one.put('a', '1')
  await one.increment('n', 1)
  const lease = await one.lease('l', 60_000)
  await one.notify('c', 'hello')
  expect([(await other.get('a'))?.value, await other.increment('n', 1), await other.lease('l', 1)]).toEqual([
    '1',
    2,
    undefined,
  ])
  for (const store of [elsewhere, database]) {
    expect([await store.get('a'), await store.keys('', 9), await store.increment('n', 0)]).toEqual([undefined, [], 0])
    await (await store.lease('l', 1))?.release()
    await store.notify('c', 'of its own')
  }
  await until(() => heard.length >= 4, longMs, 'the notices arrive')
  expect(heard.sort()).toEqual(['0 hello', '1 hello', '2 of its own', '3 of its own'])
  await lease?.release()
})

testWith('a user with rights for the prefix alone is enough', async (redis) => {
  const server = redis.part({ user: 'app', password: new Secret('the-password-of-app'), prefix: 'own:' })
  await redis.admin(
    ...(['ACL', 'SETUSER', 'app', 'on', '>the-password-of-app', '~own:*', '&own:*', '+@all', '-@dangerous'] as const),
  )
  await using store = await opened(server)
  expect((await Promise.allSettled(callsOf(store))).filter(({ status }) => status === 'rejected')).toEqual([])
  await store.put('a', '1')
  expect(await inspectRedis({ server, secret }, machine)).toMatchObject({
    problems: [expect.stringContaining('without')],
  })
  expect((await inspectRedis({ server: { ...server, prefix: 'other:' } }, machine)).problems).toEqual([
    'STATE_URL: Redis does not allow its user what the state needs.',
  ])
})

testWith('values that have ended are deleted, also from the list of keys', async (redis) => {
  const server = redis.part()
  let time = 1_000
  const store = await openRedisStore(server, { runtime: machine, clock: () => time })
  await store.put('a', '1', { ttlMs: 10 })
  await store.put('b', '1', { ttlMs: 1_000 })
  time += 10
  await store.check()
  expect(await redis.admin('ZRANGE', `${server.prefix}keys`, '0', '-1')).toEqual(['b'])
  expect(await redis.admin('EXISTS', `${server.prefix}v:a`)).toBe(0)
  expect(Number(await redis.admin('PTTL', `${server.prefix}v:b`))).toBeGreaterThan(1_000)
  await store.close()
})

testWith('a check says what is wrong, and writes nothing', async (redis) => {
  const server = redis.part()
  const config = { server, secret }
  const inspect = async (more: Partial<RedisServer> = {}) =>
    (await inspectRedis({ ...config, server: { ...server, ...more } }, machine)).problems
  expect(await inspectRedis(config, machine)).toEqual({
    problems: [],
    notes: [expect.stringContaining('appendonly yes')],
  })
  expect(await redis.admin('DBSIZE')).toBe(0)
  await redis.admin('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'appendonly', 'yes')
  expect((await inspectRedis({ server }, machine)).notes).toEqual([
    expect.stringContaining('unencrypted'),
    expect.stringContaining('allkeys-lru'),
  ])
  expect(await inspect({ address: { path: `${redis.socket}.none` } })).toEqual([
    'STATE_URL: Redis cannot be reached (ENOENT).',
  ])
  expect(await inspect({ database: 99 })).toEqual(['STATE_URL: Redis does not have the database that STATE_URL names.'])
  await (await openRedis(config, machine)).close()
  expect(await inspect()).toEqual([])
  expect((await inspectRedis({ server }, machine)).problems).toEqual([expect.stringContaining('no STATE_SECRET')])
  await redis.admin('CONFIG', 'SET', 'requirepass', 'a-password-of-this-test')
  expect(await inspect()).toEqual(['STATE_URL: Redis needs a password, and STATE_URL has none.'])
  expect(await inspect({ password: new Secret('another-password') })).toEqual([
    'STATE_URL: Redis refuses the user or the password in STATE_URL.',
  ])
})

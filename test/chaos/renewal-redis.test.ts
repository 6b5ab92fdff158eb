/** P11 and P26 with three processes' worth of accounts on one real Redis. */
import { expect, test } from 'bun:test'
import { configuredStoreKeyOf } from '../../src/accounts/credential-store.ts'
import { LiveAccount } from '../../src/accounts/live-account.ts'
import { accountsOptions } from '../../src/accounts/pool.double.ts'
import { type Outcome, RenewalServiceDouble, type Token } from '../../src/accounts/renewal-service.double.ts'
import { asChatError, ChatError } from '../../src/chat/error.ts'
import { openRedisStore } from '../../src/state/redis/open-redis.ts'
import { installedServers, type RealRedis, startRedis } from '../../src/state/redis/real-redis.double.ts'
import { machine, newCancel } from '../../src/wire/machine.double.ts'
import { until } from '../waiting.ts'

const longMs = 20_000
const hourMs = 3_600_000
/** Longer than the lease of a renewal. */
const leaseMs = 25_000
const [program] = installedServers
const never = newCancel()

/** One account in three processes, each with connections of its own. The test's clock is also Redis's. */
async function openThree(redis: RealRedis) {
  let time = 1_000_000
  const now = () => time
  const service = new RenewalServiceDouble(now)
  const credential = service.token()
  const { renewal } = service
  const server = redis.part()
  const stores = await Promise.all([1, 2, 3].map(() => openRedisStore(server, { runtime: machine, clock: now })))
  const accounts = stores.map((store) => {
    const options = accountsOptions({ store, now, random: () => 0.5 })
    return new LiveAccount({ label: 'a', credential, renewal }, { ...options, upstream: 'u' })
  })
  const ask = async (account: LiveAccount<Token>) => account.getCredential(never)
  const [one, two, three] = accounts
  const [store] = stores
  if (!one || !two || !three || !store) throw new Error('there are not three')
  for (const account of accounts) await ask(account)
  return {
    ...{ service, accounts, one, two, three, stores, ask },
    read: () => store.get(configuredStoreKeyOf('u', { credential, renewal })),
    pass: (ms: number) => {
      time += ms
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(stores.map((each) => each.close()))
    },
  }
}

function testWith(
  what: string,
  run: (three: Awaited<ReturnType<typeof openThree>>, redis: RealRedis) => Promise<void>,
) {
  if (program === undefined) {
    test.skip(`${what}: needs redis-server, which is not installed`, () => undefined)
    return
  }
  test(what, async () => {
    await using redis = await startRedis(program)
    await using three = await openThree(redis)
    await run(three, redis)
  }, 60_000)
}

testWith('P11: 500 requests in each of three processes cause one renewal, and none fails', async (three) => {
  three.pass(hourMs)
  const asked = three.accounts.flatMap((account) => Array.from({ length: 500 }, () => three.ask(account)))
  const tokens = await Promise.all(asked)
  expect(new Set(tokens.map(({ generation }) => generation))).toEqual(new Set([1]))
  expect(three.service.asked.length).toBe(1)
})

testWith('P26: while Redis is stopped a renewal is refused, and never begun; it heals', async (three, redis) => {
  redis.pause()
  // a credential that has not ended is given as before
  expect((await three.ask(three.one)).generation).toBe(0)
  three.pass(hourMs)
  for (const account of three.accounts) {
    const failure = await three.ask(account).then(() => undefined, asChatError)
    expect(failure).toMatchObject({ reason: 'unavailable', retryAfterMs: 5_000 })
  }
  expect(three.service.asked.length).toBe(0)
  redis.resume()
  await until(() => three.stores.every((store) => store.problem() === undefined), longMs, 'Redis is well again')
  // a lease that Redis gave for a call that was given up
  three.pass(leaseMs)
  const tokens = await Promise.all(three.accounts.map(three.ask))
  expect([tokens.map(({ generation }) => generation), three.service.asked.length]).toEqual([[1, 1, 1], 1])
})

testWith(
  'P11: after the end of its lease a stopped holder is replaced, and its late write is refused',
  async (three) => {
    const answer = Promise.withResolvers<Outcome>()
    three.service.setOutcomes(() => answer.promise)
    three.pass(hourMs)
    const late = three.ask(three.one)
    await until(() => three.service.asked.length === 1, longMs, 'the holder asks the service')
    const waiting = [three.two, three.three].map(three.ask)
    // the holder does nothing more, as if it was stopped or killed
    three.pass(leaseMs)
    const tokens = await Promise.all(waiting)
    expect([tokens.map(({ generation }) => generation), three.service.asked.length]).toEqual([[1, 1], 2])
    const stored = await three.read()
    answer.resolve('ok')
    expect((await late).generation).toBe(1)
    expect(await three.read()).toEqual(stored)
  },
)

testWith(
  'P26: a renewed credential is used although Redis was lost before it could be stored',
  async (three, redis) => {
    const answer = Promise.withResolvers<Outcome>()
    three.service.setOutcomes(() => answer.promise)
    three.pass(hourMs)
    const asked = three.ask(three.one)
    await until(() => three.service.asked.length === 1, longMs, 'the service is asked')
    redis.pause()
    answer.resolve('ok')
    expect((await asked).generation).toBe(1)
    redis.resume()
    await until(() => three.stores.every((store) => store.problem() === undefined), longMs, 'Redis is well again')
    three.pass(leaseMs)
    // the open intent makes the others renew once more, with the parent of the newest token
    const outcome = await three.ask(three.two).catch((thrown: unknown) => thrown)
    expect(outcome).not.toBeInstanceOf(ChatError)
  },
)

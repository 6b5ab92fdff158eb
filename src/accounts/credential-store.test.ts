import { expect, test } from 'bun:test'
import { until } from '../../test/waiting.ts'
import { MemoryStore } from '../state/memory/memory-store.ts'
import { newCancel } from '../wire/machine.double.ts'
import { CredentialStore, configuredStoreKeyOf } from './credential-store.ts'
import { LiveAccount } from './live-account.ts'
import { accountsOptions } from './pool.double.ts'
import { FakeStore, type Outcome, RenewalServiceDouble } from './renewal-service.double.ts'

const never = newCancel()
const leaseMs = 20_000

test('a write with a lease that another process has taken over is refused, even if nothing was written since', async () => {
  let now = 1_000_000
  const service = new RenewalServiceDouble(() => now)
  const store = new MemoryStore({ runtime: { now: () => now } })
  const credential = service.token()
  const name = configuredStoreKeyOf('u', { credential, renewal: service.renewal })
  const stores = [0, 1].map(
    () => new CredentialStore(name, { store, renewal: service.renewal, credential, origin: 'configured' }),
  )
  const [paused, other] = stores
  const late = await paused?.lease(leaseMs)
  const kept = await paused?.load()
  now += leaseMs + 1
  const held = await other?.lease(leaseMs)
  if (!late || !held || !kept) throw new Error('both had the lease')
  expect(await paused?.write({ ...kept, isRenewalOpen: true }, late)).toBeUndefined()
  expect(await other?.write({ ...kept, isRenewalOpen: true }, held)).toMatchObject({ isRenewalOpen: true })
})

test('only one of two processes asks the service, even if the first one lost its lease before its first write', async () => {
  let now = 1_000_000
  const service = new RenewalServiceDouble(() => now)
  const outcome = Promise.withResolvers<Outcome>()
  service.setOutcomes(
    () => outcome.promise,
    () => outcome.promise,
  )
  const store = new CountingStore({ runtime: { now: () => now } })
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let writes = 0
  store.before = () => gates[writes++]?.promise
  const credential = service.token()
  const account = { label: 'a', credential, renewal: service.renewal }
  const processes = [0, 1].map(
    () => new LiveAccount(account, { ...accountsOptions({ store, now: () => now }), upstream: 'u' }),
  )
  const renewed = [processes[0]?.replaceCredential(credential, never)]
  await until(() => writes === 1, 20_000, 'the first process at its first write')
  now += leaseMs + 1
  renewed.push(processes[1]?.replaceCredential(credential, never))
  await until(() => writes === 2, 20_000, 'the second process at its first write')
  gates[0]?.resolve()
  await runPending()
  gates[1]?.resolve()
  // the process that may not write must ask for the lease again, and must not ask the service
  await until(() => service.asked.length === 2 || store.leases >= 4, 20_000, 'the other to try again')
  outcome.resolve('ok')
  expect((await Promise.all(renewed)).map((token) => token?.generation)).toEqual([1, 1])
  expect([service.most, service.asked.length]).toEqual([1, 1])
})

/** Counts the requests for a lease. */
class CountingStore extends FakeStore {
  leases = 0

  override lease(...asked: Parameters<FakeStore['lease']>) {
    this.leases++
    return super.lease(...asked)
  }
}

/** Runs everything that is due without a timer. */
const runPending = () => new Promise<void>((resolve) => setImmediate(resolve))

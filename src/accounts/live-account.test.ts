import { describe, expect, test } from 'bun:test'
import { until } from '../../test/waiting.ts'
import { ChatError } from '../chat/error.ts'
import { machine, newCancel } from '../wire/machine.double.ts'
import { configuredStoreKeyOf } from './credential-store.ts'
import { LiveAccount } from './live-account.ts'
import { accountsOptions } from './pool.double.ts'
import {
  aheadMs,
  FakeStore,
  type Outcome,
  RenewalServiceDouble,
  storeFailure,
  type Token,
} from './renewal-service.double.ts'

const never = newCancel()

/** One account with a token of an hour, its clock, its service and its store. */
function setUp(more: Parameters<typeof accountsOptions>[0] = {}) {
  let now = 1_000_000
  const service = new RenewalServiceDouble(() => now)
  const store = new FakeStore({ runtime: machine })
  const first = service.token()
  const open = (credential: Token = first, label = 'a') => {
    const options = { ...accountsOptions({ store, now: () => now, random: () => 0, ...more }), upstream: 'upstream' }
    return new LiveAccount({ label, credential, renewal: service.renewal }, options)
  }
  const session = open()
  const key = configuredStoreKeyOf('upstream', { credential: first, renewal: service.renewal })
  const generation = async (of: LiveAccount<Token> = session) => (await of.getCredential(never)).generation
  const reason = (promise: unknown) => reasonOf(promise)
  return {
    service,
    store,
    key,
    first,
    session,
    open,
    generation,
    reason,
    pass: (ms: number) => {
      now += ms
    },
    /** The number of requests to the service. */
    asked: () => service.asked.length,
    /** Waits until the background renewal has ended. */
    waitForRenewal: () => until(() => !session.isRenewing, 20_000, 'the renewal'),
  }
}

async function reasonOf(promise: unknown): Promise<string> {
  try {
    await promise
    return 'nothing'
  } catch (thrown) {
    return thrown instanceof ChatError ? thrown.reason : String(thrown)
  }
}

const hourMs = 3_600_000

describe('a credential', () => {
  test('that never ends is returned at once', () => {
    const session = new LiveAccount({ label: 'a', credential: 'key' }, { ...accountsOptions(), upstream: 'upstream' })
    expect(session.getCredential(never)).toBe('key')
  })

  test('that is valid for a while is returned at once, without a request', async () => {
    const { session, first, asked } = setUp()
    expect(await session.getCredential(never)).toBe(first)
    expect(session.getCredential(never)).toBe(first)
    expect(asked()).toBe(0)
  })

  test('near its end is still used, while the next one is requested once', async () => {
    const { session, first, generation, pass, asked, waitForRenewal } = setUp()
    await generation()
    pass(hourMs - aheadMs)
    expect([session.getCredential(never), session.getCredential(never)]).toEqual([first, first])
    expect(session.isRenewing).toBe(true)
    await waitForRenewal()
    expect([await generation(), asked()]).toEqual([1, 1])
  })

  test('is renewed up to a fifth earlier, so that accounts do not renew at the same time', async () => {
    const { session, generation, pass } = setUp({ random: () => 1 })
    await generation()
    pass(hourMs - aheadMs * 1.2 - 1)
    await generation()
    expect(session.isRenewing).toBe(false)
    pass(1)
    await generation()
    expect(session.isRenewing).toBe(true)
  })

  test('is not used in its last ten seconds', async () => {
    const { session, pass } = setUp()
    pass(hourMs - 10_000)
    expect(await session.getCredential(never)).toMatchObject({ generation: 1 })
  })

  test('that has ended is renewed once for any number of calls', async () => {
    const { session, pass, service, store } = setUp()
    pass(hourMs)
    const all = await Promise.all(Array.from({ length: 500 }, () => session.getCredential(never)))
    expect(new Set(all.map(({ generation }) => generation))).toEqual(new Set([1]))
    expect([service.asked.length, service.most, store.written.length]).toEqual([1, 1, 2])
  })

  test('that the service gave during a failed renewal is used for the next renewal, even after a restart', async () => {
    const { session, open, pass, service, reason, generation } = setUp()
    pass(hourMs)
    service.setOutcomes('halfway', 'halfway')
    expect(await reason(generation())).toBe('renewal-failed')
    expect(await reason(generation(open()))).toBe('renewal-failed')
    pass(60_000)
    expect(await generation(session)).toBe(3)
    expect(service.asked.map((token) => token.generation)).toEqual([0, 1, 2])
  })

  test('that the service refused for several calls is renewed once', async () => {
    const { session, first, generation, asked } = setUp()
    await generation()
    const [one, other] = await Promise.all([
      session.replaceCredential(first, never),
      session.replaceCredential(first, never),
    ])
    expect(one).toBe(other)
    expect(await session.replaceCredential(first, never)).toBe(one)
    expect(asked()).toBe(1)
    expect((await session.replaceCredential(one, never)).generation).toBe(2)
  })

  test('that was refused during an answer is renewed for the next call', async () => {
    const { session, first, generation, asked } = setUp()
    await generation()
    session.markExpired(first)
    expect([await generation(), asked()]).toEqual([1, 1])
    session.markExpired(first)
    expect([await generation(), asked()]).toEqual([1, 1])
  })

  test('that is expired by our clock when it arrives is used, and not renewed with every request', async () => {
    const { generation, service, pass, asked } = setUp()
    pass(hourMs)
    service.lastsMs = -7_200_000
    expect([await generation(), await generation(), asked()]).toEqual([1, 1, 1])
    pass(15_000)
    expect([await generation(), asked()]).toEqual([2, 2])
  })

  test('is renewed at its end, even if the clock was set back after the last renewal', async () => {
    const { session, first, generation, pass, service } = setUp()
    await generation()
    // our clock is an hour ahead, so the service means a minute from now
    service.lastsMs = 60_000 - hourMs
    const second = await session.replaceCredential(first, never)
    expect(session.isJustReplaced(second)).toBe(true)
    pass(-hourMs)
    expect([await generation(), session.isJustReplaced(second)]).toEqual([1, false])
    pass(60_000)
    expect(await generation()).toBe(2)
  })

  test('that cannot be renewed causes account-refused if it must be replaced', async () => {
    const session = new LiveAccount({ label: 'a', credential: 'key' }, { ...accountsOptions(), upstream: 'upstream' })
    expect(await reasonOf(session.replaceCredential('key', never))).toBe('account-refused')
  })
})

describe('a renewal', () => {
  test('writes its intent before the request, and its result before any call gets it', async () => {
    const { session, service, store, pass, first } = setUp()
    const seen: unknown[] = []
    store.before = (_, value) => {
      const { credential, isOpen } = JSON.parse(value)
      seen.push([isOpen, JSON.parse(credential).generation, service.asked.length, session.credential === first])
    }
    pass(hourMs)
    await session.getCredential(never)
    expect(seen).toEqual([
      [true, 0, 0, true],
      [false, 1, 1, true],
    ])
  })

  test('that fails early does not fail a call, and is tried again after 15 seconds', async () => {
    const { session, generation, service, pass, asked, waitForRenewal } = setUp()
    service.setOutcomes('failed')
    pass(hourMs - aheadMs)
    expect(await generation()).toBe(0)
    await waitForRenewal()
    pass(14_999)
    expect([await generation(), session.isRenewing]).toEqual([0, false])
    pass(1)
    await generation()
    await waitForRenewal()
    expect([await generation(), asked()]).toEqual([1, 2])
  })

  test('that fails early is tried again after the service’s own time, if that is later', async () => {
    const { session, generation, service, pass, asked, waitForRenewal } = setUp()
    service.setOutcomes('limited')
    pass(hourMs - aheadMs)
    await generation()
    await waitForRenewal()
    pass(59_999)
    expect([await generation(), session.isRenewing]).toEqual([0, false])
    pass(1)
    await generation()
    await waitForRenewal()
    expect(asked()).toBe(2)
  })

  for (const [outcome, reason, asks] of [
    ['failed', 'renewal-failed', 1],
    ['limited', 'rate-limited', 1],
    ['cut', 'renewal-failed', 2],
  ] as const)
    test(`of an ended credential that fails with ${outcome} fails all waiting calls, and the next call tries again`, async () => {
      const { session, generation, service, pass, asked } = setUp()
      service.setOutcomes(outcome, outcome)
      pass(hourMs)
      const reasons = await Promise.all([1, 2, 3].map(() => reasonOf(session.getCredential(never))))
      expect([...new Set(reasons), asked()]).toEqual([reason, asks])
      service.clearOutcomes()
      expect(await generation()).toBe(1)
    })

  test('whose reply was lost is repeated with the same token, and no call fails', async () => {
    const { generation, service, pass } = setUp()
    service.setOutcomes('lost')
    pass(hourMs)
    expect(await generation()).toBe(1)
    expect(service.asked.map((token) => token.generation)).toEqual([0, 0])
  })

  test('without an answer in time is repeated once, and then fails', async () => {
    const hangs = () => new Promise<Outcome>(() => undefined)
    const { session, generation, service, pass, asked } = setUp({ answerMs: 5 })
    service.setOutcomes(hangs, hangs)
    pass(hourMs)
    expect([await reasonOf(session.getCredential(never)), asked()]).toEqual(['renewal-failed', 2])
    expect(await generation()).toBe(1)
  })

  test('continues when a waiting call leaves', async () => {
    const { session, service, pass, asked } = setUp()
    const answer = Promise.withResolvers<Outcome>()
    service.setOutcomes(() => answer.promise)
    pass(hourMs)
    const leaves = newCancel()
    const left = reasonOf(session.getCredential(leaves))
    const stays = session.getCredential(never)
    await until(() => asked() === 1, 20_000, 'the service is asked')
    leaves.abort(new ChatError('cancelled', { message: '' }))
    expect(await left).toBe('cancelled')
    answer.resolve('ok')
    expect([(await stays).generation, asked()]).toEqual([1, 1])
    expect(await reasonOf(session.getCredential(leaves))).toBe('nothing')
  })

  test('is not begun if its intent cannot be stored', async () => {
    const { session, generation, store, pass, asked } = setUp()
    store.before = () => {
      throw storeFailure()
    }
    pass(hourMs)
    expect([await reasonOf(session.getCredential(never)), asked()]).toEqual(['unavailable', 0])
    store.before = () => undefined
    expect(await generation()).toBe(1)
  })

  test('whose result cannot be stored is used anyway, and the next one begins with it', async () => {
    const { generation, service, store, pass } = setUp()
    store.before = (_, value) => {
      if (!JSON.parse(value).isOpen) throw storeFailure()
    }
    pass(hourMs)
    expect(await generation()).toBe(1)
    store.before = () => undefined
    pass(hourMs)
    expect(await generation()).toBe(2)
    expect(service.asked.map((token) => token.generation)).toEqual([0, 1])
  })

  test('whose record a full store deletes meanwhile is not lost', async () => {
    const { key, generation, service, store, pass } = setUp()
    service.setOutcomes(async () => {
      await store.delete(key)
      return 'ok'
    })
    pass(hourMs)
    expect(await generation()).toBe(1)
    await store.delete(key)
    pass(hourMs)
    expect(await generation()).toBe(2)
    expect(service.asked.map((token) => token.generation)).toEqual([0, 1])
  })

  test('of another process is waited for, and its result is used', async () => {
    const { key, generation, store, first, open, pass, asked } = setUp()
    const other = open()
    await generation()
    pass(hourMs)
    const lease = await store.lease(key, 20_000)
    const waiting = generation()
    await lease?.release()
    expect(await generation(other)).toBe(1)
    expect([await waiting, asked()]).toEqual([1, 1])
    expect(first.generation).toBe(0)
  })
})

describe('a proof that the credential is dead', () => {
  test('holds for all calls: the service is never asked again', async () => {
    const { session, service, first, pass, asked, generation } = setUp()
    service.setOutcomes('failed', 'dead')
    await generation()
    expect(await reasonOf(session.replaceCredential(first, never))).toBe('renewal-failed')
    const refused = [session.replaceCredential(first, never), session.replaceCredential(first, never)]
    expect(await Promise.all(refused.map(reasonOf))).toEqual(['login-needed', 'login-needed'])
    // this call was refused a moment later
    expect(await reasonOf(session.replaceCredential(first, never))).toBe('login-needed')
    pass(hourMs)
    for (let at = 0; at < 3; at++)
      expect(await reasonOf((async () => session.getCredential(never))())).toBe('login-needed')
    session.markExpired(session.credential)
    expect(await reasonOf((async () => session.getCredential(never))())).toBe('login-needed')
    expect(asked()).toBe(2)
  })

  test('from an early renewal holds too', async () => {
    const { session, service, pass, asked, generation, waitForRenewal } = setUp()
    service.setOutcomes('dead')
    pass(hourMs - aheadMs)
    expect(await generation()).toBe(0)
    await waitForRenewal()
    expect([await reasonOf((async () => session.getCredential(never))()), asked()]).toEqual(['login-needed', 1])
  })

  test('outlives the process, until another credential is configured', async () => {
    const { session, service, first, pass, asked, generation, open } = setUp()
    service.setOutcomes('dead')
    pass(hourMs)
    expect(await reasonOf(session.getCredential(never))).toBe('login-needed')
    expect(await reasonOf(open(first).getCredential(never))).toBe('login-needed')
    expect(asked()).toBe(1)
    expect(await generation(open(service.token(7)))).toBe(7)
  })

  test('that cannot be stored still holds for this process', async () => {
    const { session, service, store, pass, asked } = setUp()
    service.setOutcomes('dead')
    store.before = (_, value) => {
      if (JSON.parse(value).dead) throw storeFailure()
    }
    pass(hourMs)
    expect(await reasonOf(session.getCredential(never))).toBe('login-needed')
    expect([await reasonOf((async () => session.getCredential(never))()), asked()]).toEqual(['login-needed', 1])
  })
})

describe('at the start', () => {
  test('the stored credential is used, and the configured one is not used again', async () => {
    const { generation, pass, open, asked } = setUp()
    pass(hourMs)
    await generation()
    expect([await generation(open()), asked()]).toEqual([1, 1])
  })

  test('another configured credential wins over the stored one', async () => {
    const { generation, pass, open, service, asked } = setUp()
    pass(hourMs)
    await generation()
    const other = open(service.token(50))
    expect([await generation(other), asked()]).toEqual([50, 1])
    pass(hourMs)
    expect([await generation(other), asked()]).toEqual([51, 2])
  })

  test('the stored credential is found after its variable was renamed, even if another account has the old name', async () => {
    const { pass, open, store, generation } = setUp()
    const otherService = new RenewalServiceDouble(() => 0)
    const options = { ...accountsOptions({ store, now: () => 0 }), upstream: 'upstream' }
    let expected = 0
    for (const label of ['a', 'b', 'a', 'b']) {
      const session = open(undefined, label)
      expect(await generation(session)).toBe(expected)
      for (let times = 0; times < 3; times++) {
        pass(hourMs)
        expect(await generation(session)).toBe(++expected)
      }
      await generation(
        new LiveAccount({ label, credential: otherService.token(0, -1), renewal: otherService.renewal }, options),
      )
    }
  })

  test('an unfinished renewal of an earlier process is finished first, with its token', async () => {
    const { service, store, pass, session, open, generation } = setUp()
    service.setOutcomes('lost', 'cut')
    pass(hourMs - aheadMs)
    await session.getCredential(never)
    await until(() => !session.isRenewing, 20_000, 'the renewal')
    const again = open()
    expect(await generation(again)).toBe(1)
    expect(service.asked.map((token) => token.generation)).toEqual([0, 0, 0])
    expect(store.written.map((value) => JSON.parse(value).isOpen)).toEqual([true, true, false])
  })

  test('an unreadable record counts as missing', async () => {
    for (const text of [
      '',
      '{',
      '{}',
      '{"source":1}',
      JSON.stringify({ source: 'x', credential: '', isOpen: false }),
    ]) {
      const { key, store, generation, pass } = setUp()
      await store.put(key, text)
      expect(await generation()).toBe(0)
      pass(hourMs)
      expect(await generation()).toBe(1)
    }
  })

  test('an unreadable state is a temporary failure', async () => {
    const { session, store, generation } = setUp()
    const get = store.get.bind(store)
    store.get = async () => {
      throw storeFailure()
    }
    expect(await reasonOf(session.getCredential(never))).toBe('unavailable')
    store.get = get
    expect(await generation()).toBe(0)
  })
})

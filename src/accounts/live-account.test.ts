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
function given(more: Parameters<typeof accountsOptions>[0] = {}) {
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
    /** How many times the service was asked. */
    asked: () => service.asked.length,
    /** Until the background is done. */
    quiet: () => until(() => !session.isRenewing, 1_000, 'the renewal'),
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
  test('that never ends is handed out as it is, at once', () => {
    const session = new LiveAccount({ label: 'a', credential: 'key' }, { ...accountsOptions(), upstream: 'upstream' })
    expect(session.getCredential(never)).toBe('key')
  })

  test('that is good for a while is handed out at once, and nobody is asked', async () => {
    const { session, first, asked } = given()
    expect(await session.getCredential(never)).toBe(first)
    expect(session.getCredential(never)).toBe(first)
    expect(asked()).toBe(0)
  })

  test('near its end still serves, while the next is asked for once', async () => {
    const { session, first, generation, pass, asked, quiet } = given()
    await generation()
    pass(hourMs - aheadMs)
    expect([session.getCredential(never), session.getCredential(never)]).toEqual([first, first])
    expect(session.isRenewing).toBe(true)
    await quiet()
    expect([await generation(), asked()]).toEqual([1, 1])
  })

  test('is asked for up to a fifth earlier, so that accounts do not all come at once', async () => {
    const { session, generation, pass } = given({ random: () => 1 })
    await generation()
    pass(hourMs - aheadMs * 1.2 - 1)
    await generation()
    expect(session.isRenewing).toBe(false)
    pass(1)
    await generation()
    expect(session.isRenewing).toBe(true)
  })

  test('in its last ten seconds is not used any more', async () => {
    const { session, pass } = given()
    pass(hourMs - 10_000)
    expect(await session.getCredential(never)).toMatchObject({ generation: 1 })
  })

  test('that has ended is renewed once, whoever asks and however many', async () => {
    const { session, pass, service, store } = given()
    pass(hourMs)
    const all = await Promise.all(Array.from({ length: 500 }, () => session.getCredential(never)))
    expect(new Set(all.map(({ generation }) => generation))).toEqual(new Set([1]))
    expect([service.asked.length, service.most, store.written.length]).toEqual([1, 1, 2])
  })

  test('that was replaced on the way of a renewal that failed is what the next one begins with, be it after a restart', async () => {
    const { session, open, pass, service, reason, generation } = given()
    pass(hourMs)
    service.meets('halfway', 'halfway')
    expect(await reason(generation())).toBe('renewal-failed')
    expect(await reason(generation(open()))).toBe('renewal-failed')
    pass(60_000)
    expect(await generation(session)).toBe(3)
    expect(service.asked.map((token) => token.generation)).toEqual([0, 1, 2])
  })

  test('that was refused is renewed once for all whom it was refused', async () => {
    const { session, first, generation, asked } = given()
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

  test('that was refused in the middle of an answer is renewed for the next to ask', async () => {
    const { session, first, generation, asked } = given()
    await generation()
    session.markExpired(first)
    expect([await generation(), asked()]).toEqual([1, 1])
    session.markExpired(first)
    expect([await generation(), asked()]).toEqual([1, 1])
  })

  test('that has ended by our clock when it comes is used all the same, and not asked for with every request', async () => {
    const { generation, service, pass, asked } = given()
    pass(hourMs)
    service.lastsMs = -7_200_000
    expect([await generation(), await generation(), asked()]).toEqual([1, 1, 1])
    pass(15_000)
    expect([await generation(), asked()]).toEqual([2, 2])
  })

  test('that was renewed by a clock which has been set back since is renewed at its end, and when it is refused', async () => {
    const { session, first, generation, pass, service } = given()
    await generation()
    // our clock is an hour ahead: the service means a minute from now
    service.lastsMs = 60_000 - hourMs
    const second = await session.replaceCredential(first, never)
    expect(session.isJustReplaced(second)).toBe(true)
    pass(-hourMs)
    expect([await generation(), session.isJustReplaced(second)]).toEqual([1, false])
    pass(60_000)
    expect(await generation()).toBe(2)
  })

  test('of another service’s shape cannot be renewed: who is refused is told', async () => {
    const session = new LiveAccount({ label: 'a', credential: 'key' }, { ...accountsOptions(), upstream: 'upstream' })
    expect(await reasonOf(session.replaceCredential('key', never))).toBe('account-refused')
  })
})

describe('a renewal', () => {
  test('writes its intent before it asks, and its result before anybody gets it', async () => {
    const { session, service, store, pass, first } = given()
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

  test('that fails ahead of time is not noticed, and is tried again after 15 seconds', async () => {
    const { session, generation, service, pass, asked, quiet } = given()
    service.meets('failed')
    pass(hourMs - aheadMs)
    expect(await generation()).toBe(0)
    await quiet()
    pass(14_999)
    expect([await generation(), session.isRenewing]).toEqual([0, false])
    pass(1)
    await generation()
    await quiet()
    expect([await generation(), asked()]).toEqual([1, 2])
  })

  test('ahead of time is tried again when the service said so, if that is later', async () => {
    const { session, generation, service, pass, asked, quiet } = given()
    service.meets('limited')
    pass(hourMs - aheadMs)
    await generation()
    await quiet()
    pass(59_999)
    expect([await generation(), session.isRenewing]).toEqual([0, false])
    pass(1)
    await generation()
    await quiet()
    expect(asked()).toBe(2)
  })

  for (const [outcome, reason, asks] of [
    ['failed', 'renewal-failed', 1],
    ['limited', 'rate-limited', 1],
    ['cut', 'renewal-failed', 2],
  ] as const)
    test(`of what has ended, answered by ${outcome}: everybody is told, and the next to ask has it tried again`, async () => {
      const { session, generation, service, pass, asked } = given()
      service.meets(outcome, outcome)
      pass(hourMs)
      const told = await Promise.all([1, 2, 3].map(() => reasonOf(session.getCredential(never))))
      expect([...new Set(told), asked()]).toEqual([reason, asks])
      service.heal()
      expect(await generation()).toBe(1)
    })

  test('whose reply was lost is asked for once more with the same token, and nobody notices', async () => {
    const { generation, service, pass } = given()
    service.meets('lost')
    pass(hourMs)
    expect(await generation()).toBe(1)
    expect(service.asked.map((token) => token.generation)).toEqual([0, 0])
  })

  test('without an answer in time is asked for once more; then it has failed', async () => {
    const hangs = () => new Promise<Outcome>(() => undefined)
    const { session, generation, service, pass, asked } = given({ answerMs: 5 })
    service.meets(hangs, hangs)
    pass(hourMs)
    expect([await reasonOf(session.getCredential(never)), asked()]).toEqual(['renewal-failed', 2])
    expect(await generation()).toBe(1)
  })

  test('goes on when who waits for it leaves', async () => {
    const { session, service, pass, asked } = given()
    const answer = Promise.withResolvers<Outcome>()
    service.meets(() => answer.promise)
    pass(hourMs)
    const leaves = newCancel()
    const left = reasonOf(session.getCredential(leaves))
    const stays = session.getCredential(never)
    await until(() => asked() === 1, 1_000, 'the service is asked')
    leaves.abort(new ChatError('cancelled', { message: '' }))
    expect(await left).toBe('cancelled')
    answer.resolve('ok')
    expect([(await stays).generation, asked()]).toEqual([1, 1])
    expect(await reasonOf(session.getCredential(leaves))).toBe('nothing')
  })

  test('is not begun where its intent cannot be kept', async () => {
    const { session, generation, store, pass, asked } = given()
    store.before = () => {
      throw storeFailure()
    }
    pass(hourMs)
    expect([await reasonOf(session.getCredential(never)), asked()]).toEqual(['unavailable', 0])
    store.before = () => undefined
    expect(await generation()).toBe(1)
  })

  test('whose result cannot be kept is used all the same, and the next one begins with it', async () => {
    const { generation, service, store, pass } = given()
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

  test('whose record a full store lets go of meanwhile is not lost', async () => {
    const { key, generation, service, store, pass } = given()
    service.meets(async () => {
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

  test('that somebody else is at is waited for, and what came of it is taken', async () => {
    const { key, generation, store, first, open, pass, asked } = given()
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
  test('holds for everybody: the service is never asked again', async () => {
    const { session, service, first, pass, asked, generation } = given()
    service.meets('failed', 'dead')
    await generation()
    expect(await reasonOf(session.replaceCredential(first, never))).toBe('renewal-failed')
    const refused = [session.replaceCredential(first, never), session.replaceCredential(first, never)]
    expect(await Promise.all(refused.map(reasonOf))).toEqual(['login-needed', 'login-needed'])
    // who was refused a moment later
    expect(await reasonOf(session.replaceCredential(first, never))).toBe('login-needed')
    pass(hourMs)
    for (let at = 0; at < 3; at++)
      expect(await reasonOf((async () => session.getCredential(never))())).toBe('login-needed')
    session.markExpired(session.credential)
    expect(await reasonOf((async () => session.getCredential(never))())).toBe('login-needed')
    expect(asked()).toBe(2)
  })

  test('that comes ahead of time holds as well', async () => {
    const { session, service, pass, asked, generation, quiet } = given()
    service.meets('dead')
    pass(hourMs - aheadMs)
    expect(await generation()).toBe(0)
    await quiet()
    expect([await reasonOf((async () => session.getCredential(never))()), asked()]).toEqual(['login-needed', 1])
  })

  test('outlives the process, until another credential is configured', async () => {
    const { session, service, first, pass, asked, generation, open } = given()
    service.meets('dead')
    pass(hourMs)
    expect(await reasonOf(session.getCredential(never))).toBe('login-needed')
    expect(await reasonOf(open(first).getCredential(never))).toBe('login-needed')
    expect(asked()).toBe(1)
    expect(await generation(open(service.token(7)))).toBe(7)
  })

  test('that cannot be kept still holds for this process', async () => {
    const { session, service, store, pass, asked } = given()
    service.meets('dead')
    store.before = (_, value) => {
      if (JSON.parse(value).dead) throw storeFailure()
    }
    pass(hourMs)
    expect(await reasonOf(session.getCredential(never))).toBe('login-needed')
    expect([await reasonOf((async () => session.getCredential(never))()), asked()]).toEqual(['login-needed', 1])
  })
})

describe('at the start', () => {
  test('what was kept is taken up, and the first one is not asked with again', async () => {
    const { generation, pass, open, asked } = given()
    pass(hourMs)
    await generation()
    expect([await generation(open()), asked()]).toEqual([1, 1])
  })

  test('another configured credential wins over what is kept', async () => {
    const { generation, pass, open, service, asked } = given()
    pass(hourMs)
    await generation()
    const other = open(service.token(50))
    expect([await generation(other), asked()]).toEqual([50, 1])
    pass(hourMs)
    expect([await generation(other), asked()]).toEqual([51, 2])
  })

  test('what was kept is taken up whatever its variable is called now, and whoever has its old name', async () => {
    const { pass, open, store, generation } = given()
    const elses = new RenewalServiceDouble(() => 0)
    const options = { ...accountsOptions({ store, now: () => 0 }), upstream: 'upstream' }
    let expected = 0
    for (const label of ['a', 'b', 'a', 'b']) {
      const session = open(undefined, label)
      expect(await generation(session)).toBe(expected)
      for (let times = 0; times < 3; times++) {
        pass(hourMs)
        expect(await generation(session)).toBe(++expected)
      }
      await generation(new LiveAccount({ label, credential: elses.token(0, -1), renewal: elses.renewal }, options))
    }
  })

  test('a renewal that a former life did not end is done first, with the token of then', async () => {
    const { service, store, pass, session, open, generation } = given()
    service.meets('lost', 'cut')
    pass(hourMs - aheadMs)
    await session.getCredential(never)
    await until(() => !session.isRenewing, 1_000, 'the renewal')
    const again = open()
    expect(await generation(again)).toBe(1)
    expect(service.asked.map((token) => token.generation)).toEqual([0, 0, 0])
    expect(store.written.map((value) => JSON.parse(value).isOpen)).toEqual([true, true, false])
  })

  test('a record that nobody understands counts as none', async () => {
    for (const text of [
      '',
      '{',
      '{}',
      '{"source":1}',
      JSON.stringify({ source: 'x', credential: '', isOpen: false }),
    ]) {
      const { key, store, generation, pass } = given()
      await store.put(key, text)
      expect(await generation()).toBe(0)
      pass(hourMs)
      expect(await generation()).toBe(1)
    }
  })

  test('a state that cannot be read is a failure of the moment', async () => {
    const { session, store, generation } = given()
    const get = store.get.bind(store)
    store.get = async () => {
      throw storeFailure()
    }
    expect(await reasonOf(session.getCredential(never))).toBe('unavailable')
    store.get = get
    expect(await generation()).toBe(0)
  })
})

import { describe, expect, test } from 'bun:test'
import { until } from '../../../test/waiting.ts'
import type { Account } from '../../accounts/account.ts'
import { openPool } from '../../accounts/open-pool.ts'
import { accountsOptions } from '../../accounts/pool.double.ts'
import { type Outcome, RenewalServiceDouble } from '../../accounts/renewal-service.double.ts'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { events } from '../../flow/flow.ts'
import { aborted, machine, newCancel } from '../../wire/machine.double.ts'
import type { AttemptListener } from '../call-record.ts'
import { aCall, aRequest, chatOf, drain, finish, text } from '../chat.double.ts'
import { account, type WithAccount } from './account.ts'
import { retry } from './retry.ts'
import { RetryBudget } from './retry-budget.ts'

const hourMs = 3_600_000
const refused = () => new ChatError('account-refused', { message: 'HTTP 401', upstreamStatus: 401 })
const answer = [text('a'), text('b'), finish()]

type Said = readonly (ChatEvent | Error)[]

interface Given {
  readonly accounts?: number
  /** The events of an upstream for this account and this generation of its credential. */
  readonly answersWith: (label: string, generation: number) => Said
}

/** Makes accounts a0, a1 … that can be renewed, behind the retry layer. */
function setUp({ accounts = 1, answersWith }: Given) {
  let now = 1_000_000
  const services = Array.from({ length: accounts }, () => new RenewalServiceDouble(() => now))
  const declared = services.map((service, at) => ({
    label: `a${at}`,
    credential: service.token(0, hourMs - at),
    renewal: service.renewal,
  }))
  const options = accountsOptions({ now: () => now, random: () => 0 })
  const pool = openPool({ name: 'upstream', accounts: declared }, options)
  const asked: string[] = []
  const upstream: Chat<WithAccount> = chatOf(async function* (_request, { account: { label, credential } }) {
    const generation = generationOf(credential)
    asked.push(`${label}/${generation}`)
    for (const event of answersWith(label, generation)) {
      if (event instanceof Error) throw event
      yield event
    }
  })
  const chat = retry(new RetryBudget(machine))(account(pool, 'upstream')(upstream))
  const [service = new RenewalServiceDouble(() => 0)] = services
  return {
    pool,
    service,
    services,
    asked,
    chat,
    call: async (signal?: Cancel) => {
      const call = aCall(signal)
      return { ...(await drain(chat(aRequest, call))), attempts: call.receipt.attempts }
    },
    pass: (ms: number) => {
      now += ms
    },
    kinds: () => Object.fromEntries(pool.states().map(({ label, state }) => [label, state.kind])),
    reopen: () => openPool({ name: 'upstream', accounts: declared }, options),
  }
}

function generationOf(credential: unknown): number {
  const isToken = typeof credential === 'object' && credential !== null && 'generation' in credential
  return isToken ? Number(credential.generation) : Number.NaN
}

describe('an account that is refused before the first event', () => {
  test('is renewed once and used again, without another attempt', async () => {
    const { call, asked, kinds, service } = setUp({
      answersWith: (_, generation) => (generation ? answer : [refused()]),
    })
    expect(await call()).toEqual({ events: answer, thrown: undefined, attempts: 1 })
    expect([asked, service.asked.length, kinds()]).toEqual([['a0/0', 'a0/1'], 1, { a0: 'ok' }])
  })

  test('is renewed even after events that show nothing, and those events come once', async () => {
    const { call } = setUp({ answersWith: (_, generation) => [text(''), ...(generation ? answer : [refused()])] })
    expect(await call()).toEqual({ events: [text(''), ...answer], thrown: undefined, attempts: 1 })
  })

  test('is renewed even if its credential is new, because the former one had expired', async () => {
    const { call, asked, pass } = setUp({ answersWith: (_, generation) => (generation === 2 ? answer : [refused()]) })
    pass(hourMs)
    expect(await call()).toMatchObject({ events: answer, attempts: 1 })
    expect(asked).toEqual(['a0/1', 'a0/2'])
  })

  test('rests after a second refusal, and the next account is used', async () => {
    const { call, asked, kinds } = setUp({
      accounts: 2,
      answersWith: (label) => (label === 'a1' ? answer : [refused()]),
    })
    expect(await call()).toEqual({ events: answer, thrown: undefined, attempts: 2 })
    expect([asked, kinds()]).toEqual([['a0/0', 'a0/1', 'a1/0'], { a1: 'ok', a0: 'refused' }])
    await call()
    expect(asked.slice(3)).toEqual(['a1/0'])
  })

  test('is not asked a third time after two refusals, even if it is the only one', async () => {
    const { call, asked } = setUp({ answersWith: () => [refused()] })
    expect(await call()).toMatchObject({ thrown: { reason: 'account-refused' }, attempts: 1 })
    expect(asked).toEqual(['a0/0', 'a0/1'])
  })

  test('rests if it cannot be renewed, and the next account is used', async () => {
    const { call, kinds, service, asked } = setUp({
      accounts: 2,
      answersWith: (label) => (label === 'a1' ? answer : [refused()]),
    })
    service.setOutcomes('failed')
    expect(await call()).toMatchObject({ events: answer, attempts: 2 })
    expect([asked, kinds()]).toEqual([['a0/0', 'a1/0'], { a1: 'ok', a0: 'cooling' }])
  })

  test('is never used again if the service proves that it is dead', async () => {
    const { call, kinds, service } = setUp({
      accounts: 2,
      answersWith: (label) => (label === 'a1' ? answer : [refused()]),
    })
    service.setOutcomes('dead')
    expect(await call()).toMatchObject({ events: answer, attempts: 2 })
    expect(kinds()).toEqual({ a1: 'ok', a0: 'needs-login' })
  })

  test('is not renewed for each call if every credential is refused', async () => {
    const { call, service, asked, pass } = setUp({ answersWith: () => [refused()] })
    for (let calls = 0; calls < 5; calls++) expect((await call()).thrown).toMatchObject({ reason: 'account-refused' })
    expect([asked.length, service.asked.length]).toEqual([6, 1])
    pass(15_000)
    await call()
    expect([asked.length, service.asked.length]).toEqual([8, 2])
  })

  test('is renewed at once for each refusal that follows an answer', async () => {
    let revoked = 0
    const { call, service, asked, kinds } = setUp({
      answersWith: (_, generation) => (generation > revoked ? answer : [refused()]),
    })
    for (let calls = 0; calls < 5; calls++) {
      expect(await call()).toMatchObject({ events: answer, thrown: undefined, attempts: 1 })
      revoked++
    }
    expect([service.asked.length, asked.length, kinds()]).toEqual([5, 10, { a0: 'ok' }])
  })

  test('is renewed again if it is refused after an answer that its client left', async () => {
    let revoked = 0
    const { call, chat, service, kinds } = setUp({
      answersWith: (_, generation) => (generation > revoked ? answer : [refused()]),
    })
    for (let times = 0; times < 2; times++) {
      for await (const _event of events(chat(aRequest, aCall()))) break
      revoked++
    }
    expect(await call()).toMatchObject({ events: answer, thrown: undefined })
    expect([service.asked.length, kinds()]).toEqual([3, { a0: 'ok' }])
  })

  test('is renewed again after an answer, even if an answer with the former credential ends meanwhile', async () => {
    let revoked = -1
    const { call, chat, service, kinds } = setUp({
      answersWith: (_, generation) => (generation > revoked ? answer : [refused()]),
    })
    const slow = events(chat(aRequest, aCall()))
    await slow.next()
    revoked++
    await call()
    while (!(await slow.next()).done);
    revoked++
    expect(await call()).toMatchObject({ events: answer, thrown: undefined })
    expect([service.asked.length, kinds()]).toEqual([2, { a0: 'ok' }])
  })

  test('rests after one more renewal if it is refused for ever after an answer', async () => {
    let isGone = false
    const { call, service, kinds } = setUp({
      answersWith: (_, generation) => (generation && !isGone ? answer : [refused()]),
    })
    await call()
    isGone = true
    for (let calls = 0; calls < 5; calls++) expect((await call()).thrown).toMatchObject({ reason: 'account-refused' })
    expect([service.asked.length, kinds()]).toEqual([2, { a0: 'refused' }])
  })

  test('is renewed once for many calls at the same time', async () => {
    const { call, service } = setUp({ answersWith: (_, generation) => (generation ? answer : [refused()]) })
    const all = await Promise.all(Array.from({ length: 200 }, () => call()))
    expect(new Set(all.map(({ attempts, thrown }) => [attempts, thrown].join()))).toEqual(new Set(['1,']))
    expect(service.asked.length).toBe(1)
  })
})

describe('an account that is refused during an answer', () => {
  test('is renewed for the next call; this call fails, and the account does not rest', async () => {
    const { call, asked, kinds, service } = setUp({
      answersWith: (_, generation) => (generation ? answer : [text('a'), refused()]),
    })
    const { events, thrown, attempts } = await call()
    expect([events, attempts, asked]).toEqual([[text('a')], 1, ['a0/0']])
    expect(thrown).toMatchObject({ reason: 'account-refused' })
    expect([kinds(), service.asked.length]).toEqual([{ a0: 'ok' }, 0])
    expect(await call()).toMatchObject({ events: answer, attempts: 1 })
    expect([asked, service.asked.length]).toEqual([['a0/0', 'a0/1'], 1])
  })

  test('is not renewed again if it was renewed meanwhile', async () => {
    const { call, chat, service, asked } = setUp({
      answersWith: (_, generation) => (generation ? answer : [text('a'), refused()]),
    })
    const slow = events(chat(aRequest, aCall()))
    await slow.next()
    await call()
    await call()
    expect(service.asked.length).toBe(1)
    expect(await slow.next().catch((thrown: unknown) => thrown)).toMatchObject({ reason: 'account-refused' })
    await call()
    expect([service.asked.length, asked]).toEqual([1, ['a0/0', 'a0/0', 'a0/1', 'a0/1']])
  })

  test('is renewed twice if it is refused twice with a complete answer in between', async () => {
    let calls = 0
    const { call, service, kinds } = setUp({ answersWith: () => (calls % 2 ? [text('a'), refused()] : answer) })
    const outcomes: boolean[] = []
    for (calls = 1; calls <= 4; calls++) outcomes.push((await call()).thrown === undefined)
    expect([outcomes, service.asked.length, kinds()]).toEqual([[false, true, false, true], 2, { a0: 'ok' }])
  })

  test('rests if the next credential is refused too', async () => {
    const { call, service, kinds } = setUp({ answersWith: () => [text('a'), refused()] })
    await call()
    expect([service.asked.length, kinds()]).toEqual([0, { a0: 'ok' }])
    for (let calls = 0; calls < 5; calls++) await call()
    expect([service.asked.length, kinds()]).toEqual([1, { a0: 'refused' }])
  })

  test('rests if it cannot be renewed', async () => {
    const keys: Account[] = [{ label: 'k0', credential: 0 }]
    const pool = openPool({ name: 'upstream', accounts: keys }, accountsOptions())
    const upstream: Chat<WithAccount> = chatOf(async function* () {
      yield text('a')
      throw refused()
    })
    await drain(retry(new RetryBudget(machine))(account(pool, 'upstream')(upstream))(aRequest, aCall()))
    expect(pool.states()).toMatchObject([{ label: 'k0', state: { kind: 'refused' } }])
  })
})

describe('a client that leaves', () => {
  test('during the renewal of its account does not disturb the others', async () => {
    const { call, service, pass, kinds, asked } = setUp({ answersWith: () => answer })
    const outcome = Promise.withResolvers<Outcome>()
    service.setOutcomes(() => outcome.promise)
    pass(hourMs)
    const leaves = newCancel()
    const left = Array.from({ length: 20 }, () => call(leaves))
    const stays = call()
    await until(() => service.asked.length === 1, 20_000, 'the renewal')
    expect(kinds()).toEqual({ a0: 'refreshing' })
    leaves.abort(new ChatError('cancelled', { message: 'left' }))
    for (const { thrown } of await Promise.all(left)) expect(thrown).toMatchObject({ reason: 'cancelled' })
    expect(asked).toEqual([])
    outcome.resolve('ok')
    expect(await stays).toMatchObject({ events: answer, attempts: 1 })
    expect([service.asked.length, kinds()]).toEqual([1, { a0: 'ok' }])
  })

  test('during the renewal of a refused account ends at once, and the renewal continues', async () => {
    const { call, service } = setUp({ answersWith: (_, generation) => (generation ? answer : [refused()]) })
    const outcome = Promise.withResolvers<Outcome>()
    service.setOutcomes(() => outcome.promise)
    const leaves = newCancel()
    const left = call(leaves)
    await until(() => service.asked.length === 1, 20_000, 'the renewal')
    leaves.abort(new ChatError('cancelled', { message: 'left' }))
    expect((await left).thrown).toMatchObject({ reason: 'cancelled' })
    outcome.resolve('ok')
    expect(await call()).toMatchObject({ events: answer, attempts: 1 })
    expect(service.asked.length).toBe(1)
  })

  test('before its call has begun does not stop the renewal', async () => {
    const { call, service, pass, pool } = setUp({ answersWith: () => answer })
    pass(hourMs)
    const gone = aborted(new ChatError('cancelled', { message: 'left' }))
    expect((await call(gone)).thrown).toMatchObject({ reason: 'cancelled' })
    await call()
    expect(service.asked.length).toBe(1)
    expect(pool.states()).toMatchObject([{ state: { kind: 'ok' } }])
  })
})

test('P21: accounts that were proven dead before a restart cost no call an attempt', async () => {
  const { call, services, kinds, pass, reopen } = setUp({ accounts: 5, answersWith: () => answer })
  pass(hourMs)
  for (const service of services.slice(0, 4)) service.setOutcomes('dead')
  for (let calls = 0; calls < 3; calls++) await call()
  expect(Object.values(kinds()).filter((kind) => kind === 'needs-login').length).toBe(4)
  const again = reopen()
  await until(() => again.states().filter(({ state }) => state.kind === 'needs-login').length === 4, 20_000, 'known')
  expect(services.map((service) => service.asked.length)).toEqual([1, 1, 1, 1, 1])
})

test('accounts that cannot be made cost no attempt, and the client gets the time to wait', async () => {
  const service = new RenewalServiceDouble(() => 0)
  const create = async () => {
    throw new ChatError('rate-limited', { message: 'too many', retryAfterMs: 90_000 })
  }
  const supply = { min: 1, max: 1, renewal: service.renewal, create }
  const pool = openPool({ name: 'upstream', accounts: [], supply }, accountsOptions({ now: () => 0 }))
  const chat = retry(new RetryBudget(machine))(account(pool, 'upstream')(chatOf(async function* () {})))
  const call = aCall()
  const { thrown } = await drain(chat(aRequest, call))
  expect(thrown).toMatchObject({ reason: 'rate-limited', retryAfterMs: 90_000 })
  expect(call.receipt.attempts).toBe(0)
})

test('a second attempt with the same account is noted by itself, and both are told of with their ends', async () => {
  const pool = openPool(
    { name: 'upstream', accounts: [{ label: 'KEY', credential: undefined }] },
    accountsOptions({ now: () => 0, random: () => 0 }),
  )
  const told: unknown[] = []
  const upstream: Chat<WithAccount> = chatOf(async function* (_request, call) {
    call.attemptAgain('unsupported_parameter')
    yield* answer
  })
  const onAttempt: AttemptListener = ({ outcome, firstAt }, error) =>
    void told.push([outcome, firstAt !== undefined, error])
  const chat = account(pool, 'upstream', { onAttempt })
  const call = { ...aCall(), tried: new Set<unknown>() }
  await drain(chat(upstream)(aRequest, call))
  expect(call.receipt.timeline.map(({ account: label, outcome }) => [label, outcome])).toEqual([
    ['KEY', 'unsupported_parameter'],
    ['KEY', 'ok'],
  ])
  expect(told).toEqual([
    ['unsupported_parameter', false, undefined],
    ['ok', true, undefined],
  ])
  expect(call.receipt.attempts).toBe(2)
})

test('an attempt is noted also if nobody is told of it', async () => {
  const { chat } = setUp({ answersWith: () => answer })
  const call = aCall()
  await drain(chat(aRequest, call))
  expect(call.receipt.timeline.map(({ outcome, endedAt }) => [outcome, typeof endedAt])).toEqual([['ok', 'number']])
})

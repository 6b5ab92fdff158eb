import { describe, expect, test } from 'bun:test'
import { ChatError, type Reason, reasons } from '../../chat/error.ts'
import type { Chat } from '../../flow/chat.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { aCall, aLog, answering, aRequest, drain, finish, type LogLine, ledChat, text } from '../chat.double.ts'
import { UpstreamHealth } from '../health/upstream-health.ts'
import { breaker, countOutcomes } from './breaker.ts'

const failing = (reason: Reason, code?: string) =>
  answering(new ChatError(reason, { message: reason, ...(code && { code }) }))
const well = answering(text('a'), finish())
const unreachable = failing('upstream-failed', 'upstream_unreachable')

/** An upstream behind a breaker, with a clock that only the test moves. What it answers can be changed at any time. */
function guard(first: Chat) {
  let now = 0
  let asked = 0
  let answers = first
  const lines: LogLine[] = []
  const health = new UpstreamHealth({
    log: aLog(lines),
    runtime: { elapsed: () => now, now: () => now, random: () => 0 },
  })
  const upstream: Chat = (request, call) => {
    asked++
    return answers(request, call)
  }
  const chat = breaker(health)(countOutcomes(health)(upstream))
  const begin = (model = 'm', call = aCall(newCancel())) => chat({ ...aRequest, model }, call)
  const ask = (model?: string) => drain(begin(model))
  return {
    health,
    lines,
    begin,
    ask,
    /** Returns how many requests have reached the upstream since the last time. */
    asked() {
      const count = asked
      asked = 0
      return count
    },
    answer(to: Chat) {
      answers = to
    },
    pass(ms: number) {
      now += ms
    },
    async eject(model?: string) {
      for (let time = 0; time < 5; time++) await ask(model)
      asked = 0
    },
  }
}

test('P20: after five failures the answer comes at once, without an attempt, and says when to try again', async () => {
  const { ask, asked, begin, pass, lines } = guard(failing('overloaded'))
  for (let call = 0; call < 5; call++) expect((await ask()).thrown).toMatchObject({ reason: 'overloaded' })
  expect(asked()).toBe(5)
  pass(10_000)
  const call = aCall()
  const refused = { reason: 'unavailable', code: 'upstream_unavailable', retryAfterMs: 20_000 }
  expect((await drain(begin('m', call))).thrown).toMatchObject(refused)
  expect([asked(), call.attempts.spent]).toEqual([0, 0])
  expect(lines).toMatchObject([{ level: 'warn', fields: { model: 'm', err: { reason: 'overloaded' } } }])
})

test('P20: of 100 requests at the end of the ejection one reaches the upstream, with one attempt', async () => {
  const { ask, asked, answer, begin, eject, pass, lines } = guard(failing('overloaded'))
  await eject()
  pass(30_000)
  const probe = ledChat()
  answer((request, call) => {
    expect(call.attempts.left).toBe(1)
    return probe.chat(request, call)
  })
  const answers = Array.from({ length: 100 }, () => drain(begin()))
  await Bun.sleep(0)
  expect(asked()).toBe(1)
  probe.say(text('a'))
  probe.say(finish())
  const outcomes = await Promise.all(answers)
  expect(outcomes.filter(({ thrown }) => thrown === undefined)).toHaveLength(1)
  const others = outcomes.flatMap(({ thrown }) => (thrown instanceof ChatError ? thrown.code : []))
  expect(others).toEqual(Array.from({ length: 99 }, () => 'upstream_unavailable'))
  answer(well)
  await Promise.all(Array.from({ length: 100 }, () => ask()))
  expect(asked()).toBe(100)
  expect(lines.at(-1)).toMatchObject({ level: 'info', message: 'an ejected upstream answers again' })
})

test('P20: if the probe fails, the ejection takes 60 s', async () => {
  const { ask, asked, eject, pass, health } = guard(failing('overloaded'))
  await eject()
  pass(30_000)
  await ask()
  await ask()
  expect([asked(), health.ejectedForMs('m')]).toEqual([1, 60_000])
})

test('the first event of the probe lets all requests pass, and the probe may break off later', async () => {
  const { asked, answer, begin, eject, pass, health } = guard(failing('overloaded'))
  await eject()
  pass(30_000)
  const probe = ledChat()
  answer(probe.chat)
  const flow = begin()
  const first = flow.next()
  probe.say(text('a'))
  await first
  expect([asked(), health.standing('m')]).toEqual([1, 'good'])
  probe.say(new ChatError('upstream-failed', { message: 'cut' }))
  await drain(flow)
  expect(health.ejectedForMs('m')).toBe(60_000)
})

test('a probe whose client leaves before its first event makes place for the next one', async () => {
  const { ask, asked, answer, begin, eject, pass } = guard(failing('overloaded'))
  await eject()
  pass(30_000)
  const probe = ledChat()
  answer(probe.chat)
  const flow = begin()
  void flow.next()
  flow.close()
  answer(well)
  expect((await ask()).thrown).toBeUndefined()
  expect(asked()).toBe(2)
})

test('a request that is opened and never read takes no probe', async () => {
  const { ask, answer, begin, eject, pass } = guard(failing('overloaded'))
  await eject()
  pass(30_000)
  begin()
  answer(well)
  expect((await ask()).thrown).toBeUndefined()
})

describe('what does not count', () => {
  const reasonNames = Object.keys(reasons).filter((name): name is Reason => Object.hasOwn(reasons, name))
  for (const reason of reasonNames.filter((name) => !reasons[name].breaker))
    test(reason, async () => {
      const { ask, health, begin, answer } = guard(failing(reason))
      for (let call = 0; call < 20; call++) await ask()
      expect(health.standing('m')).toBe('good')
      answer(ledChat().chat)
      for (let call = 0; call < 20; call++) {
        const flow = begin()
        void flow.next()
        flow.close()
      }
      expect(health.standing('m')).toBe('good')
    })
})

test('failures of a model do not eject another model', async () => {
  const { ask, eject, health, answer } = guard(failing('timeout'))
  await eject('a')
  answer(well)
  expect((await ask('b')).thrown).toBeUndefined()
  expect(health.status()).toMatchObject({
    state: 'good',
    models: [{ model: 'a', state: 'ejected', ejectedForMs: 30_000 }],
  })
})

test('an upstream that cannot be reached is ejected with all its models', async () => {
  const { ask, asked, eject, health } = guard(unreachable)
  await eject('a')
  expect((await ask('b')).thrown).toMatchObject({ code: 'upstream_unavailable' })
  expect([asked(), health.status()]).toMatchObject([0, { state: 'ejected', models: [] }])
})

test('an upstream is ejected with two of its models, unless something succeeds between them', async () => {
  const { ask, eject, health, answer } = guard(failing('upstream-failed'))
  await eject('a')
  answer(well)
  await ask('b')
  answer(failing('upstream-failed'))
  await eject('c')
  expect(health.standing('b')).toBe('good')
  await eject('d')
  expect(health.standing('b')).toBe('open')
})

test('the probe of a whole upstream that fails in any way ejects it for longer', async () => {
  const { ask, eject, health, answer, pass } = guard(unreachable)
  await eject()
  pass(30_000)
  answer(failing('overloaded'))
  await ask('b')
  expect(health.status().ejectedForMs).toBe(60_000)
})

test('requests from before the ejection neither prolong it nor end it', async () => {
  const { ask, asked, begin, eject, health, answer, pass } = guard(well)
  const early = [ledChat(), ledChat()]
  const flows = early.map(({ chat }) => {
    answer(chat)
    return drain(begin())
  })
  answer(failing('overloaded'))
  await eject()
  pass(30_000)
  early[0]?.say(new ChatError('timeout', { message: 'late' }))
  await flows[0]
  expect(health.standing('m')).toBe('good')
  await ask()
  expect(health.ejectedForMs('m')).toBe(60_000)
  // an answer is a hint that it works: it lets a probe pass early
  early[1]?.say(finish())
  await flows[1]
  asked()
  answer(well)
  await Promise.all([ask(), ask()])
  expect(asked()).toBe(1)
})

test('only 256 models are remembered, and none of them once it has answered', async () => {
  const { ask, health, answer, pass } = guard(failing('overloaded'))
  for (let model = 0; model < 300; model++) await ask(`m${model}`)
  expect(health.status().models).toHaveLength(256)
  answer(well)
  pass(10 * 60_000)
  for (let model = 0; model < 300; model++) await ask(`m${model}`)
  expect(health.status().models).toEqual([])
})

describe('an answer in the background', () => {
  test('ends the ejection of an upstream that could not be reached', async () => {
    const { ask, eject, health, answer } = guard(unreachable)
    await eject()
    health.noteReached('listed')
    answer(well)
    expect((await ask()).thrown).toBeUndefined()
  })

  test('lets one request try a model, which stays ejected if that fails', async () => {
    const { ask, asked, eject, health, pass } = guard(failing('overloaded'))
    await eject()
    pass(1_000)
    health.noteReached('listed')
    await Promise.all([ask(), ask()])
    expect([asked(), health.ejectedForMs('m')]).toEqual([1, 29_000])
  })

  test('ends the ejection of a model if the upstream was down', async () => {
    const { ask, asked, eject, health, answer } = guard(failing('overloaded'))
    await eject()
    health.noteReached('answered')
    answer(well)
    await Promise.all([ask(), ask()])
    expect(asked()).toBe(2)
  })
})

import { expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { Cancel } from '../../flow/cancel.ts'
import type { Chat } from '../../flow/chat.ts'
import { events } from '../../flow/flow.ts'
import { cancelWith, newCancel } from '../../wire/machine.double.ts'
import type { CallRecord } from '../call-record.ts'
import { aCall, answering, aRequest, chatOf, drain, finish, type LogLine, silence, text } from '../chat.double.ts'
import { observe } from './observe.ts'

const canary = 'a word of the prompt or the answer'
const usage = { type: 'usage', choice: 0, usage: { inputTokens: 3, outputTokens: 5, source: 'upstream' } } as const

const ends: readonly (readonly [string, Chat, string, LogLine['level']])[] = [
  ['well', answering(text(canary), finish(), usage), 'ok', 'info'],
  [
    'before its first event',
    answering(new ChatError('overloaded', { message: 'busy', upstreamStatus: 503 })),
    'upstream_overloaded',
    'warn',
  ],
  [
    'within its answer',
    answering(text(canary), new ChatError('upstream-failed', { message: 'cut' })),
    'upstream_error',
    'warn',
  ],
  ['by our own failure', answering(text(canary), new TypeError('x is undefined')), 'internal_error', 'error'],
  ['aborted', chatOf((_request, { signal }) => aborted(signal)), 'client_closed', 'info'],
]

async function* aborted(signal: Cancel) {
  yield text(canary)
  await silence(signal)
}

for (const [name, chat, outcome, level] of ends) {
  test(`P30: a call that ends ${name} is logged once, as ${outcome}`, async () => {
    const lines: LogLine[] = []
    const controller = newCancel()
    setTimeout(() => controller.abort(new ChatError('cancelled', { message: 'left' })), 5)
    await drain(observe()(chat)(aRequest, aCall(controller, lines)))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ level, message: 'chat', fields: { outcome, model: 'model' } })
    expect(JSON.stringify(lines)).not.toContain(canary)
  })
}

test('P30: a call that its reader closes is logged once, as client_closed', async () => {
  const lines: LogLine[] = []
  for await (const _ of events(observe()(answering(text('a'), finish()))(aRequest, aCall(undefined, lines)))) break
  expect(lines).toMatchObject([{ level: 'info', fields: { outcome: 'client_closed' } }])
})

test('a line has the account, the tools, and the times to the first visible event and to the end', async () => {
  let now = 100
  const lines: LogLine[] = []
  const chat: Chat = chatOf(async function* (_request, call) {
    call.receipt.attempts = 2
    call.receipt.upstream = 'groq'
    call.receipt.account = 'GROQ_API_KEY_2'
    for (const name of ['files__read', 'current_time', 'files__read']) call.receipt.tools.add(name)
    now += 10
    yield text('')
    now += 20
    yield text('a')
    now += 40
    yield usage
  })
  await drain(observe()(chat)(aRequest, aCall(cancelWith({ elapsed: () => now }), lines)))
  expect(lines[0]?.fields).toEqual({
    model: 'model',
    upstream: 'groq',
    account: 'GROQ_API_KEY_2',
    tools: ['files__read', 'current_time'],
    outcome: 'ok',
    firstEventMs: 30,
    durationMs: 70,
    inputTokens: 3,
    outputTokens: 5,
    attempts: 2,
  })
})

test('a line has the cost of all answers, unless a part of it is not known', async () => {
  const costs: readonly (readonly [readonly (number | undefined)[], number | undefined])[] = [
    [[0.1, 0.2], 0.3],
    [[0.1, undefined], undefined],
    [[], undefined],
  ]
  for (const [usds, costUsd] of costs) {
    const lines: LogLine[] = []
    const chat: Chat = chatOf(async function* (_request, { receipt }) {
      const answer = { upstream: 'groq', model: 'model', usage: undefined }
      for (const usd of usds) receipt.answers.push({ ...answer, cost: { usd, savedUsd: undefined } })
      yield usage
    })
    await drain(observe()(chat)(aRequest, { ...aCall(undefined, lines), surface: 'openai' }))
    expect(lines[0]?.fields).toMatchObject({ surface: 'openai', costUsd })
  }
})

test('the line of a failure has the error itself, so that the log can redact it', async () => {
  const lines: LogLine[] = []
  const error = new ChatError('overloaded', { message: 'busy', upstreamStatus: 503 })
  expect((await drain(observe()(answering(error))(aRequest, aCall(undefined, lines)))).thrown).toBe(error)
  expect(lines[0]?.fields).toMatchObject({ outcome: 'upstream_overloaded', err: error })
  expect(lines[0]?.fields).not.toContainValue('busy')
})

test('any other error becomes a ChatError, with itself as the cause', async () => {
  const lines: LogLine[] = []
  const thrown = new TypeError('x is undefined')
  expect((await drain(observe()(answering(thrown))(aRequest, aCall(undefined, lines)))).thrown).toMatchObject({
    reason: 'internal',
    cause: thrown,
  })
  expect(lines[0]?.fields).toMatchObject({ err: { reason: 'internal', cause: thrown } })
})

test('item 34: a model’s name of a megabyte does not fill the log', async () => {
  const lines: LogLine[] = []
  await drain(observe()(answering(finish()))({ ...aRequest, model: 'm'.repeat(2 ** 20) }, aCall(undefined, lines)))
  expect(JSON.stringify(lines).length).toBeLessThan(1_000)
})

test('the listener gets what the line says, and the usage', async () => {
  const records: CallRecord[] = []
  const call = aCall()
  await drain(observe((record) => records.push(record))(answering(text('a'), finish(), usage))(aRequest, call))
  expect(records).toMatchObject([{ model: 'model', task: 'chat', outcome: 'ok', ending: { kind: 'done' }, bytes: 0 }])
  expect(records[0]?.call).toBe(call)
  expect(records[0]?.usage).toEqual(usage.usage)
})

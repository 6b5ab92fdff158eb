import { expect, test } from 'bun:test'
import { newReceipt } from '../../flow/call.ts'
import type { CallRecord } from '../call-record.ts'
import { aCall } from '../chat.double.ts'
import { maxRecent, RecentRequests } from './recent-requests.ts'

function record(id: string, { model = 'model', usage }: Partial<CallRecord> = {}): CallRecord {
  return {
    call: { ...aCall(), id },
    ...{ model, usage, task: 'chat', ending: { kind: 'done' }, outcome: 'ok' },
    ...{
      startedAt: 0,
      begunAt: 0,
      firstEventMs: undefined,
      durationMs: 1,
      bytes: 0,
      isStreamed: false,
      texts: undefined,
    },
  }
}

test('the last thousand requests are kept, and the newest of an id is found', () => {
  const requests = new RecentRequests()
  expect(requests.list({ limit: 5 })).toEqual([])
  for (let at = 0; at < 2.5 * maxRecent; at++) requests.note(record(`r${at}`, { model: `m${at % 2}` }))
  expect(requests.list({ limit: 3 }).map(({ id }) => id)).toEqual(['r2499', 'r2498', 'r2497'])
  expect(requests.list({ limit: 2 * maxRecent }).length).toBe(maxRecent)
  expect(requests.list({ limit: 2, model: 'm0' }).map(({ id }) => id)).toEqual(['r2498', 'r2496'])
  expect([requests.find('r1500')?.id, requests.find('r1499')]).toEqual(['r1500', undefined])
  requests.note(record('r2000', { model: 'again' }))
  expect(requests.find('r2000')?.model).toBe('again')
})

test('what a client or an upstream may make as long as it likes is cut', () => {
  const long = 'x'.repeat(100_000)
  const receipt = { ...newReceipt(), upstream: long, account: long, tools: new Set([long]), lost: new Set([long]) }
  for (let at = 0; at < 100; at++) receipt.parameters.set(`${at}${long}`, 'dropped')
  const requests = new RecentRequests()
  const usage = {
    inputTokens: 1,
    source: 'upstream',
    native: { dialect: 'a', form: 'whole', value: { long } },
  } as const
  const { call, ...others } = record('long', { model: long, usage })
  requests.note({ ...others, call: { ...call, receipt } })
  const kept = requests.find('long')
  expect(JSON.stringify({ ...kept, parameters: [...(kept?.parameters ?? [])] }).length).toBeLessThan(10_000)
  expect(kept?.usage).toEqual({ inputTokens: 1, source: 'upstream' })
})

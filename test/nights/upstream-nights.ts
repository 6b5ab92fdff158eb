import { expect } from 'bun:test'
import { ClockCheck } from '../../src/flow/clock-check.ts'
import { emulateOpenai, frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { machine, machineWith } from '../../src/wire/machine.double.ts'
import { StatingUpstream } from '../usage-rig.ts'
import { answering, ask, askTimes, json, type Night, nightKey, open, openWith, refusal } from './rig.ts'

const failing: Script = { status: 500, headers: json, body: ['{"error":{"message":"Out of order."}}'] }
/** Nights on which an upstream or a model of it does not answer as it should. */
export const upstreamNights: readonly Night[] = [
  {
    name: 'all accounts have reached their limit, and the upstream says until when',
    kind: 'upstream_used_up',
    severity: 'urgent',
    need: {
      upstream: 'lab',
      account: null,
      until: expect.stringContaining('T'),
      facts: { accounts: 1, models: ['one'] },
    },
    stage: async () =>
      askTimes(
        await answering(() => refusal(429, 'rate_limit_exceeded', 'Slower.', { 'retry-after': '1800' })),
        1,
        'lab/one',
      ),
  },
  {
    name: 'the upstream is down',
    kind: 'upstream_unreachable',
    severity: 'urgent',
    need: {
      upstream: 'lab',
      facts: { failures: expect.any(Number), code: 'upstream_unreachable', host: expect.stringContaining('127.0.0.1') },
    },
    async stage() {
      const emulator = await emulateOpenai()
      await emulator.close()
      return askTimes(await openWith(emulator), 3, 'lab/one')
    },
  },
  {
    name: 'the upstream fails with every model',
    kind: 'upstream_failing',
    severity: 'urgent',
    need: {
      upstream: 'lab',
      model: null,
      until: expect.stringContaining('T'),
      why: expect.stringContaining('Out of order'),
    },
    async stage() {
      const night = await answering(() => failing)
      for (const model of ['lab/one', 'lab/two']) await askTimes(night, 5, model)
      return night
    },
  },
  {
    name: 'one model fails, and the others answer',
    kind: 'model_failing',
    severity: 'warning',
    need: {
      upstream: 'lab',
      model: 'one',
      until: expect.stringContaining('T'),
      why: expect.stringContaining('Out of order'),
    },
    async stage() {
      const night = await answering((model) => (model === 'one' ? failing : undefined))
      for (let time = 0; time < 5; time++) {
        await ask(night, 'lab/one')
        await ask(night, 'lab/two')
      }
      return night
    },
  },
  {
    name: 'the address has no /v1',
    kind: 'upstream_wrong_address',
    severity: 'urgent',
    need: { upstream: 'lab', why: expect.stringContaining('/v1') },
    async stage() {
      const emulator = await emulateOpenai()
      return askTimes(await openWith(emulator, { UPSTREAM_LAB_URL: emulator.origin }), 1, 'lab/one')
    },
  },
  {
    name: 'the upstream answers in a way that nobody knows',
    kind: 'upstream_outdated',
    severity: 'urgent',
    need: { upstream: 'lab', facts: { failures: expect.any(Number), code: 'upstream_redirect' } },
    stage: async () =>
      askTimes(
        await answering(() => ({ status: 302, headers: { location: 'https://moved.example/' }, body: [] })),
        2,
        'lab/one',
      ),
  },
  {
    name: 'the clock of the machine is ten minutes fast',
    kind: 'clock_off',
    severity: 'warning',
    need: { facts: { seconds: expect.any(Number), hosts: expect.any(Array) } },
    async stage() {
      const upstreams = [new StatingUpstream(), new StatingUpstream()] as const
      const runtime = machineWith({
        now: () => Date.now() + 600_000,
        network: { ...machine.network, clocks: new ClockCheck() },
      })
      const night = await open(
        { UPSTREAM_A_URL: upstreams[0].url, UPSTREAM_B_URL: upstreams[1].url },
        { surroundings: { runtime }, also: upstreams.map((upstream) => () => upstream.close()) },
      )
      await (await fetch(`${night.url}/v1/models`, { headers: { authorization: `Bearer ${nightKey}` } })).text()
      return night
    },
  },
  {
    name: 'an upstream sends what nobody knows',
    kind: 'drift',
    severity: 'warning',
    need: {
      upstream: 'lab',
      request: expect.any(String),
      facts: expect.objectContaining({
        what: 'wrong_type',
        count: 1,
        where: expect.stringContaining('reasoning_content'),
      }),
    },
    stage: async () => {
      const odd = { choices: [{ index: 0, delta: { reasoning_content: ['Hm'] }, finish_reason: null }] }
      const whole = { choices: [{ index: 0, delta: { content: 'Hello' }, finish_reason: 'stop' }] }
      const body = [frame(odd), frame(whole), 'data: [DONE]\n\n']
      const night = await answering(() => ({ body }))
      await ask(night, 'lab/one', { stream: true })
      return night
    },
  },
  {
    name: 'more requests come than may run',
    kind: 'overloaded',
    severity: 'urgent',
    need: { facts: { short_of: 'calls', refused: 3, limit: 1 } },
    async stage() {
      const emulator = await emulateOpenai({ models: ['one'], reply: () => ({ ending: 'stall', body: [] }) })
      const night = await openWith(emulator, { MAX_STREAMS: '1', MAX_QUEUE: '0' })
      void ask(night, 'lab/one').catch(() => undefined)
      while (emulator.chats.length === 0) await Bun.sleep(1)
      return askTimes(night, 3, 'lab/one')
    },
  },
]

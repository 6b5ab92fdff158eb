import { describe, expect, test } from 'bun:test'
import { needKinds } from '../src/needs/need.ts'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { nights } from './bad-nights.ts'
import { askTimes, type Night, nightKey, openWith } from './nights/rig.ts'
import { until } from './waiting.ts'

interface ShownNeed {
  readonly kind: string
  readonly severity: string
}

async function needsOf(url: string): Promise<readonly ShownNeed[]> {
  const response = await fetch(`${url}/admin/overview`, { headers: { authorization: `Bearer ${nightKey}` } })
  const { needs }: { readonly needs: readonly ShownNeed[] } = JSON.parse(await response.text())
  return needs
}

/** Looks until the need is there, and then once more: it must not come and go. */
async function find({ kind, name }: Night, url: string): Promise<readonly ShownNeed[]> {
  let needs: readonly ShownNeed[] = []
  await until(
    async () => {
      needs = await needsOf(url)
      return needs.some((need) => need.kind === kind)
    },
    20_000,
    name,
  )
  return needs
}

const severities = ['urgent', 'warning', 'note']
const isNoNight = new Set(['no_upstream'])

describe('the overview says what somebody is needed for when', () => {
  for (const night of nights)
    test(night.name, async () => {
      await using staged = await night.stage()
      const needs = await find(night, staged.url)
      const found = needs.filter(({ kind }) => kind === night.kind)
      expect(found).toEqual([expect.objectContaining({ kind: night.kind, severity: night.severity, ...night.need })])
      // nothing else is wrong, and the worst comes first
      const others = needs.filter(({ kind }) => kind !== night.kind && !isNoNight.has(kind))
      expect(others).toEqual([])
      const ranks = needs.map(({ severity }) => severities.indexOf(severity))
      expect(ranks).toEqual(ranks.toSorted())
      expect((await needsOf(staged.url)).map(({ kind }) => kind)).toContain(night.kind)
    }, 60_000)
})

const error: Script = { status: 500, headers: { 'content-type': 'application/json' }, body: ['{"error":{}}'] }
const moved: Script = { status: 302, headers: { location: 'https://moved.example/' }, body: [] }
for (const [what, scripts] of [
  ['when nothing is wrong', []],
  ['after a single failure', [error]],
  ['after two failures in a row', [error, error]],
  ['after a reply that nobody understood', [moved]],
] as const)
  test(`nobody is needed ${what}`, async () => {
    const emulator = await emulateOpenai({ models: ['one'] })
    await using night = await openWith(emulator)
    emulator.script(...scripts)
    await askTimes(night, 1, 'lab/one')
    expect(emulator.chats.length).toBeGreaterThanOrEqual(Math.max(1, scripts.length))
    expect(await needsOf(night.url)).toEqual([])
  })

test('what is mended is forgotten at once', async () => {
  const emulator = await emulateOpenai({ models: ['one'] })
  await using night = await openWith(emulator)
  emulator.script(moved, moved)
  await askTimes(night, 2, 'lab/one')
  expect(await needsOf(night.url)).toMatchObject([{ kind: 'upstream_outdated' }])
  await askTimes(night, 1, 'lab/one')
  expect(await needsOf(night.url)).toEqual([])
})

/** An upstream with one model, at the address of an emulator that was closed. */
function serveAgain({ origin }: { readonly origin: string }) {
  const message = { role: 'assistant', content: 'Here I am.' }
  const completion = { id: 'a', object: 'chat.completion', created: 1, model: 'one' }
  return Bun.serve({
    hostname: '127.0.0.1',
    port: Number(new URL(origin).port),
    fetch: ({ method }) =>
      Response.json(
        method === 'GET'
          ? { data: [{ id: 'one' }] }
          : { ...completion, choices: [{ index: 0, message, finish_reason: 'stop' }] },
      ),
  })
}

test('an upstream that was down, and answers when it is tested, needs nobody any more', async () => {
  const emulator = await emulateOpenai({ models: ['one'] })
  await emulator.close()
  await using night = await openWith(emulator)
  const headers = { authorization: `Bearer ${nightKey}` }
  for (let time = 0; time < 3; time++) await (await fetch(`${night.url}/v1/models`, { headers })).text()
  await askTimes(night, 3, 'lab/one')
  expect(await needsOf(night.url)).toMatchObject([{ kind: 'upstream_unreachable' }])
  const server = serveAgain(emulator)
  const response = await fetch(`${night.url}/admin/upstreams/lab/test`, { method: 'POST', headers })
  expect(await response.json()).toMatchObject({ accounts: [{ works: true }] })
  await until(async () => (await needsOf(night.url)).length === 0, 20_000, 'no need')
  await server.stop(true)
})

test('every kind of need has its night', () => {
  expect(nights.length).toBeGreaterThanOrEqual(20)
  const staged = new Set(nights.map(({ kind }) => kind))
  expect(needKinds.filter((kind) => !staged.has(kind))).toEqual([])
})

/** Routes through real sockets: failover, balance, panels in them, and how long a route waits. */
import { afterAll, afterEach, expect, spyOn, test } from 'bun:test'
import { z } from 'zod'
import { check } from '../src/commands/check.ts'
import { readConfig } from '../src/config/config.ts'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { machine } from '../src/wire/machine.double.ts'
import { ask } from './chaos/client.ts'
import { type RunningGateway, startGateway, upstreamAt } from './chaos/gateway.ts'
import { cutAt } from './chaos/scripts.ts'

type Name = 'a' | 'b' | 'c'
const names: readonly Name[] = ['a', 'b', 'c']
/** How each upstream answers, if not properly. */
const scripts = new Map<string, () => Script>()
const emulator = await emulateOpenai({
  models: names,
  reply: ({ model }) => scripts.get(model)?.(),
})
const variables = {
  ...Object.assign({}, ...names.map((name) => upstreamAt(name, emulator.url))),
  ROUTES: `
    ordered = a/a > b/b > c/c
    shared = a/a*3 | b/b
    deep = a/a @ first=100ms, idle=900s
    patient = deep > b/b
    panels = (a/a + b/b) > c/c
    either = (a/a > b/b) + c/c
    both = a/a + b/b`,
}
const opened: RunningGateway[] = []
afterEach(async () => {
  scripts.clear()
  await Promise.all(opened.splice(0).map((one) => one.close()))
})
afterAll(() => emulator.close())

/** A gateway that has seen nothing of its upstreams yet. */
function open(): RunningGateway {
  const gateway = startGateway(variables)
  opened.push(gateway)
  return gateway
}

const refused = (status: number) => () => ({ status, headers: { 'content-type': 'application/json' }, body: ['{}'] })

/** The models that were asked while `work` ran. */
async function askedBy(work: () => Promise<unknown>): Promise<readonly unknown[]> {
  const before = emulator.chats.length
  await work()
  return emulator.chats.slice(before).map(({ model }) => model)
}

test('P21: failover asks in the order of the route, each only after those before it', async () => {
  for (const [failing, asked, upstream] of [
    [[], ['a'], 'a'],
    [['a'], ['a', 'b'], 'b'],
    [['a', 'b'], ['a', 'b', 'c'], 'c'],
  ] as const) {
    scripts.clear()
    for (const name of failing) scripts.set(name, refused(404))
    for (const stream of [true, false])
      expect(
        await askedBy(async () => {
          // another gateway, because a conversation stays with the upstream that has answered it
          const { status, headers } = await ask(open().url, { model: 'ordered', stream })
          expect([status, headers.get('x-tributary-upstream')]).toEqual([200, upstream])
          expect(headers.get('x-tributary-attempts')).toBe(String(asked.length))
        }),
      ).toEqual([...asked])
  }
})

test('P21: an upstream that is cut before it has shown anything is replaced, and one that has shown something is not', async () => {
  scripts.set('a', () => cutAt('B', 'rst'))
  const replaced = await ask(open().url, { model: 'ordered' })
  expect([replaced.status, replaced.headers.get('x-tributary-upstream'), replaced.errors]).toEqual([200, 'b', []])
  scripts.set('a', () => cutAt('C', 'rst'))
  const begun = await ask(open().url, { model: 'ordered' })
  expect(begun.headers.get('x-tributary-upstream')).toBe('a')
  expect(begun.errors).toHaveLength(1)
})

test('if all members fail, the failure of the last one is the answer', async () => {
  const { url } = open()
  for (const name of names) scripts.set(name, refused(404))
  scripts.set('c', refused(503))
  const { status } = await ask(url, { model: 'ordered' })
  expect(status).toBe(503)
})

test('a balance gives each its weight, and what one cannot answer to the other', async () => {
  const { url } = open()
  const counts = new Map<unknown, number>()
  for (let at = 0; at < 60; at++)
    for (const model of await askedBy(() => ask(url, { model: 'shared' })))
      counts.set(model, (counts.get(model) ?? 0) + 1)
  expect((counts.get('a') ?? 0) + (counts.get('b') ?? 0)).toBe(60)
  scripts.set('a', refused(500))
  // one of the first requests finds out, and all others know
  for (let at = 0; at < 20; at++) await ask(url, { model: 'shared' })
  expect(await askedBy(() => ask(url, { model: 'shared' }))).toEqual(['b'])
})

test('a route has its own patience, also as a member of another one', async () => {
  const { url } = open()
  scripts.set('a', () => cutAt('A', 'stall'))
  expect((await ask(url, { model: 'deep' })).status).toBe(504)
  const { status, headers } = await ask(url, { model: 'patient' })
  expect([status, headers.get('x-tributary-upstream')]).toEqual([200, 'b'])
})

test('a panel in a failover is replaced only if all its members fail, and a failover in a panel is one member', async () => {
  const { url } = open()
  scripts.set('a', refused(404))
  expect((await ask(url, { model: 'panels' })).text).toStartWith(
    '--- [a (a)] ---\nRequest failed: model-not-found\n\n--- [b (b)]',
  )
  scripts.set('b', refused(404))
  const replaced = await ask(url, { model: 'panels' })
  expect(replaced.headers.get('x-tributary-upstream')).toBe('c')
  expect(replaced.text).not.toContain('---')
  scripts.delete('b')
  expect((await ask(url, { model: 'either' })).text).toMatch(/^--- \[a\/a > b\/b\] ---\n.*Hello\n--- \[c \(c\)\] ---/)
})

test('routes are listed as models of the gateway, with their members', async () => {
  const response = await fetch(`${open().url}/v1/models`)
  const { data } = z.object({ data: z.array(z.looseObject({})) }).parse(await response.json())
  expect(data.slice(0, 2)).toMatchObject([
    { id: 'ordered', owned_by: 'tributary', type: 'model', members: ['a/a', 'b/b', 'c/c'] },
    { id: 'shared', members: ['a/a', 'b/b'] },
  ])
})

test('a task uses the same routes, and says that a panel cannot serve it', async () => {
  const { url } = open()
  const embed = (model: string) =>
    fetch(`${url}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ model, input: 'x' }) })
  expect((await embed('ordered')).headers.get('x-tributary-upstream')).toBe('a')
  expect((await embed('panels')).headers.get('x-tributary-upstream')).toBe('c')
  const refusal = await embed('both')
  expect([refusal.status, await refusal.text()]).toEqual([400, expect.stringContaining('a panel, which only chats')])
})

test('check draws each route as a tree', async () => {
  const config = readConfig({ PORT: '0', ...variables }, false)
  if ('problems' in config) throw new Error('the variables are wrong')
  const write = spyOn(process.stdout, 'write').mockImplementation(() => true)
  await check(config, { isJson: false, runtime: machine })
  const shown = write.mock.calls.map(([text]) => String(text)).join('')
  write.mockRestore()
  expect(shown).toContain(`route ordered  in order, until one answers
                 a/a
                 b/b
                 c/c
route shared   one of these, the quickest first
                 a/a *3
                 b/b
route deep     a/a @ first=100ms, idle=900s
route patient  in order, until one answers
                 a/a (deep) @ first=100ms, idle=900s
                 b/b
`)
})

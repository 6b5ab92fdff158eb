import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '../../chat/secret.ts'
import { machine, machineWith } from '../../wire/machine.double.ts'
import { MemoryStore } from '../memory/memory-store.ts'
import { openRedisStore } from '../redis/open-redis.ts'
import { installedServers, startRedis } from '../redis/real-redis.double.ts'
import { sealWith } from '../seal.ts'
import { SqliteStore } from '../sqlite/sqlite-store.ts'
import type { Store } from '../store.ts'
import { importBackup, writeBackup } from './backup-file.ts'
import { encodeBackup } from './backup-form.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-backup-'))
const [program] = installedServers
const server = program === undefined ? undefined : await startRedis(program)
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await server?.[Symbol.asyncDispose]()
})

let time = 1_000_000
let files = 0
const clock = machineWith({ now: () => time })
const options = { secrets: { secret: new Secret('a-secret-of-the-backup-tests') }, runtime: clock }
const newFile = () => join(folder, `${++files}`)
const write = (path: string, store: Store) =>
  writeBackup(path, encodeBackup(store.entries(), options.secrets, clock), options)

/** Opens an empty store of each kind. */
const kinds: Readonly<Record<string, () => Promise<Store>>> = {
  memory: async () => new MemoryStore({ runtime: clock }),
  'sealed sqlite': async () =>
    sealWith(new SqliteStore(newFile(), { runtime: clock }), [Buffer.alloc(32)], { runtime: machine }),
  ...(server && {
    redis: () => openRedisStore(server.part(), { runtime: machine, clock: () => time }),
  }),
}

async function fill(store: Store): Promise<void> {
  await store.put('a', 'x\ud800 😀', { ttlMs: 10_000 })
  await store.put('b', 'y'.repeat(400_000))
  await store.put('short', '', { ttlMs: 100 })
  await Promise.all(Array.from({ length: 300 }, (_, at) => store.put(`n${at}`, 'z'.repeat(2_000))))
  await store.increment('n', 7, { ttlMs: 10_000 })
  await store.increment('m', -3)
}

const contentOf = async (store: Store) =>
  (await Array.fromAsync(store.entries())).map((entry) => JSON.stringify(entry)).sort()

const ring = Object.entries(kinds)
for (const [at, [from, openSource]] of ring.entries())
  for (const [to, openTarget] of [ring[(at + 1) % ring.length] ?? ring[0]].filter((kind) => kind !== undefined))
    test(`all is moved from ${from} to ${to}, with what is left of its time`, async () => {
      time = 1_000_000
      const [source, target] = [await openSource(), await openTarget()]
      await fill(source)
      await target.put('b', 'of before')
      await target.put('other', 'stays')
      await target.increment('n', 100)
      const file = newFile()
      expect(await write(file, source)).toEqual({ value: 303, counter: 2 })
      time += 1_000
      // what has ended since is not brought back
      expect(await importBackup(file, target, options)).toEqual({ value: 302, counter: 2 })
      expect((await target.get('other'))?.value).toBe('stays')
      await target.delete('other')
      expect(await contentOf(target)).toEqual(await contentOf(source))
      // a second time changes nothing
      await importBackup(file, target, options)
      expect(await contentOf(target)).toEqual(await contentOf(source))
      await Promise.all([source.close(), target.close()])
    })

describe('a file', () => {
  const filled = async () => {
    time = 1_000_000
    const store = new MemoryStore({ runtime: clock })
    await fill(store)
    const file = newFile()
    await write(file, store)
    return { store, file }
  }
  const failureOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'nothing',
      (thrown: unknown) => String(thrown),
    )

  test('is for its owner only, shows no value and no key, and no draft is left', async () => {
    const { file } = await filled()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const text = readFileSync(file, 'utf8')
    expect(text.split('\n').length).toBeGreaterThan(4)
    for (const word of ['short', 'zzzz', Buffer.from('zzzz').toString('base64').slice(0, 5)])
      expect(text).not.toContain(word)
    expect(readdirSync(folder).filter((name) => name.endsWith('.new'))).toEqual([])
  })

  test('that is changed, cut, longer, in another order or of another secret is refused, and nothing is written', async () => {
    const { file } = await filled()
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    const [head = '', first = '', second = '', ...rest] = lines
    const flipped = first.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')).replace(/^(.{50})./, '$1!')
    const damaged: Readonly<Record<string, readonly string[]>> = {
      'a changed line': [head, flipped, second, ...rest],
      'a missing end': lines.slice(0, -1),
      'half a line': [...lines.slice(0, -1), (lines.at(-1) ?? '').slice(0, 40)],
      'a missing line': [head, second, ...rest],
      'lines in another order': [head, second, first, ...rest],
      'an additional line': [...lines, first],
      'nothing but a head': [head],
      nothing: [],
      'another head': [head.replace(/.{4}$/, 'AA=='), first, second, ...rest],
      'a newer version': [head.replace(' 1 ', ' 2 '), first, second, ...rest],
      'another program': ['{}', first],
    }
    for (const [what, content] of Object.entries(damaged)) {
      const broken = newFile()
      writeFileSync(broken, content.join('\n'))
      const target = new MemoryStore({ runtime: clock })
      expect(`${what}: ${await failureOf(importBackup(broken, target, options))}`).toMatch(/backup/)
      expect(await contentOf(target)).toEqual([])
    }
    const other = { ...options, secrets: { secret: new Secret('another-secret-of-backups') } }
    expect(await failureOf(importBackup(file, new MemoryStore({ runtime: clock }), other))).toContain('STATE_SECRET')
  })

  test('of the previous secret is read', async () => {
    const { file, store } = await filled()
    const target = new MemoryStore({ runtime: clock })
    const changed = { secret: new Secret('another-secret-of-backups'), previous: options.secrets.secret }
    await importBackup(file, target, { ...options, secrets: changed })
    expect(await contentOf(target)).toEqual(await contentOf(store))
  })

  test('keeps its former content if the state fails meanwhile, and an unusable path is said', async () => {
    const { file, store } = await filled()
    const before = readFileSync(file)
    async function* failing() {
      yield* encodeBackup(store.entries(), options.secrets, clock)
      throw new Error('the state failed')
    }
    expect(await failureOf(writeBackup(file, failing(), options))).toContain('the state failed')
    expect(readFileSync(file)).toEqual(before)
    expect(readdirSync(folder).filter((name) => name.endsWith('.new'))).toEqual([])
    expect(await failureOf(write(join(folder, 'none', 'a'), store))).toContain('ENOENT')
    expect(await failureOf(importBackup(join(folder, 'none'), store, options))).toContain('ENOENT')
  })
})

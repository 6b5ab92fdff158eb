import { afterAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeFifo } from '../../../test/libc.ts'
import { ChatError } from '../../chat/error.ts'
import { Secret } from '../../chat/secret.ts'
import { machine } from '../../wire/machine.double.ts'
import { memoryPlace } from '../memory/memory-place.ts'
import type { StatePlace } from '../state-place.ts'
import type { Store } from '../store.ts'
import { sqlitePlace } from './sqlite-place.ts'

const root = mkdtempSync(join(tmpdir(), 'tributary-sqlite-place-'))
afterAll(() => rmSync(root, { recursive: true }))

const secret = new Secret('opens-the-store-of-this-test')
const plain = 'a-refresh-token-in-clear'

/** A new folder, and the paths of a database and its key in it. */
function newPlace() {
  const folder = mkdtempSync(join(root, 'state-'))
  return { folder, file: join(folder, 'tributary.db'), keyFile: join(folder, 'state.key') }
}

async function refusalOf(newPlace: StatePlace): Promise<string> {
  const thrown = await newPlace.open(machine).then(
    (store) => store.close(),
    (error) => error,
  )
  return thrown instanceof ChatError ? `${thrown.code}: ${thrown.message}` : String(thrown)
}

/** Opens the store, runs the work and closes the store. */
async function withStore<T>(newPlace: StatePlace, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await newPlace.open(machine)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

const put = (store: Store) => store.put('key', plain)
const get = async (store: Store) => (await store.get('key'))?.value
const isInClear = (folder: string) =>
  readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(plain))

test('the memory is lost when it is closed', async () => {
  await withStore(memoryPlace, put)
  expect(await withStore(memoryPlace, get)).toBeUndefined()
})

test('a file without a secret contains values in clear text', async () => {
  const { folder, file } = newPlace()
  await withStore(sqlitePlace({ file }), put)
  expect(await withStore(sqlitePlace({ file }), get)).toBe(plain)
  expect(isInClear(folder)).toBe(true)
})

test('a file with a secret and its log contain no value in clear text, and no other secret opens it', async () => {
  const { folder, file } = newPlace()
  await withStore(sqlitePlace({ file, secret }), async (store) => {
    await put(store)
    expect(readdirSync(folder)).toContain('tributary.db-wal')
    expect(isInClear(folder)).toBe(false)
  })
  expect(isInClear(folder)).toBe(false)
  expect(await refusalOf(sqlitePlace({ file, secret: new Secret('opens-nothing-in-this-test') }))).toStartWith(
    'state_sealed',
  )
  expect(await refusalOf(sqlitePlace({ file }))).toContain('no STATE_SECRET is set')
  // a refused process has released the file
  expect(await withStore(sqlitePlace({ file, secret }), get)).toBe(plain)
})

test('a key file is made once, only for its owner, and is used from then on', async () => {
  const { folder, file, keyFile } = newPlace()
  const umask = process.umask(0)
  try {
    await withStore(sqlitePlace({ file, keyFile }), put)
  } finally {
    process.umask(umask)
  }
  const key = readFileSync(keyFile, 'utf8')
  expect(key).toMatch(/^[0-9a-f]{64}\n$/)
  expect(statSync(keyFile).mode & 0o777).toBe(0o600)
  expect(isInClear(folder)).toBe(false)
  expect(await withStore(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  expect(readFileSync(keyFile, 'utf8')).toBe(key)
  expect(readdirSync(folder).sort()).toEqual(['state.key', 'tributary.db', 'tributary.db.lock'])
})

test('a secret in the settings is used instead of the key file, and no key file is made', async () => {
  const { folder, file, keyFile } = newPlace()
  await withStore(sqlitePlace({ file, keyFile, secret }), put)
  expect(readdirSync(folder)).not.toContain('state.key')
  expect(await refusalOf(sqlitePlace({ file, keyFile }))).toStartWith('state_sealed')
})

test('a half-written draft of a key is replaced', async () => {
  const { file, keyFile } = newPlace()
  writeFileSync(`${keyFile}.new`, 'ab', { mode: 0o644 })
  await withStore(sqlitePlace({ file, keyFile }), put)
  expect(await withStore(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  expect(statSync(keyFile).mode & 0o777).toBe(0o600)
})

for (const mode of [0o640, 0o604, 0o620, 0o601])
  test(`a key file of mode ${mode.toString(8)} is not used`, async () => {
    const { file, keyFile } = newPlace()
    await withStore(sqlitePlace({ file, keyFile }), put)
    chmodSync(keyFile, mode)
    expect(await refusalOf(sqlitePlace({ file, keyFile }))).toMatch(/^state_unavailable: .*chmod 600/)
    chmodSync(keyFile, 0o400)
    expect(await withStore(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  })

test('a key file that is a pipe is refused at once', async () => {
  const { file, keyFile } = newPlace()
  makeFifo(keyFile)
  expect(await refusalOf(sqlitePlace({ file, keyFile }))).toMatch(/^state_unavailable: .* is not a regular file/)
})

test('the error for a damaged or unreachable key file names it', async () => {
  const { file, keyFile, folder } = newPlace()
  writeFileSync(keyFile, 'abc', { mode: 0o600 })
  expect(await refusalOf(sqlitePlace({ file, keyFile }))).toContain('64 hexadecimal digits')
  expect(await refusalOf(sqlitePlace({ file, keyFile: join(folder, 'missing', 'state.key') }))).toMatch(
    /^state_unavailable: .*ENOENT/,
  )
})

describe('a lost key file', () => {
  const snapshot = (folder: string) =>
    Object.fromEntries(
      readdirSync(folder)
        .filter((name) => !name.endsWith('.lock'))
        .map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
    )

  test('must be restored: no new one is made, and the state is not changed', async () => {
    const { folder, file, keyFile } = newPlace()
    await withStore(sqlitePlace({ file, keyFile }), async (store) => {
      await put(store)
      await store.lease('somebody', 60_000)
    })
    const key = readFileSync(keyFile)
    rmSync(keyFile)
    const before = snapshot(folder)
    for (let time = 0; time < 2; time++)
      expect(await refusalOf(sqlitePlace({ file, keyFile }))).toMatch(
        /^state_sealed: The key file .*state\.key is missing.* Restore it from a backup/,
      )
    expect(snapshot(folder)).toEqual(before)
    expect((await sqlitePlace({ file, keyFile }).inspect(machine)).problems).toEqual([
      expect.stringContaining('Restore it from a backup'),
    ])
    writeFileSync(keyFile, key, { mode: 0o600 })
    expect(await withStore(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  })

  test("must be restored after a crash too, even if only the database's log has the data", async () => {
    const { folder, file, keyFile } = newPlace()
    const store = await sqlitePlace({ file, keyFile }).open(machine)
    await put(store)
    const crashed = mkdtempSync(join(root, 'crashed-'))
    for (const name of ['tributary.db', 'tributary.db-wal']) copyFileSync(join(folder, name), join(crashed, name))
    await store.close()
    const withoutKey = sqlitePlace({ file: join(crashed, 'tributary.db'), keyFile: join(crashed, 'state.key') })
    expect(await refusalOf(withoutKey)).toContain('Restore it from a backup')
    expect(readdirSync(crashed)).not.toContain('state.key')
  })

  test('is made anew if the state is still empty', async () => {
    const { file, keyFile } = newPlace()
    await withStore(sqlitePlace({ file }), async () => undefined)
    await withStore(sqlitePlace({ file, keyFile }), put)
    expect(await withStore(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  })

  test('that was replaced by another is named in the error', async () => {
    const { file, keyFile } = newPlace()
    await withStore(sqlitePlace({ file, keyFile }), put)
    writeFileSync(keyFile, 'ab'.repeat(32), { mode: 0o600 })
    expect(await refusalOf(sqlitePlace({ file, keyFile }))).toMatch(
      /^state_sealed: .*the key file .*state\.key has another key/,
    )
  })
})

describe('an inspection', () => {
  test('finds no problem with memory or with a writable folder', async () => {
    const { file, keyFile } = newPlace()
    expect(await memoryPlace.inspect(machine)).toEqual({ problems: [], notes: [] })
    expect(await sqlitePlace({ file, keyFile }).inspect(machine)).toEqual({ problems: [], notes: [] })
    expect(await sqlitePlace({ file, secret }).inspect(machine)).toEqual({ problems: [], notes: [] })
  })

  test('notes that chats are unencrypted if there is no secret', async () => {
    const { file } = newPlace()
    expect((await sqlitePlace({ file }).inspect(machine)).notes).toEqual([expect.stringContaining('no STATE_SECRET')])
  })

  test('finds a missing folder, a file instead of a folder, and a folder instead of a file', async () => {
    const { folder, file, keyFile } = newPlace()
    writeFileSync(keyFile, '')
    for (const [path, expected] of [
      [join(folder, 'none', 'a.db'), 'does not exist. Create it'],
      [join(keyFile, 'a.db'), 'is not a folder'],
      [folder, 'is not a regular file'],
    ] as const)
      expect((await sqlitePlace({ file: path }).inspect(machine)).problems).toEqual([expect.stringContaining(expected)])
    expect(existsSync(file)).toBe(false)
  })

  test('finds a missing secret, and a secret that must not be set', async () => {
    const sealedPlace = newPlace()
    await withStore(sqlitePlace({ file: sealedPlace.file, secret }), put)
    expect(await sqlitePlace({ file: sealedPlace.file }).inspect(machine)).toEqual({
      problems: [expect.stringContaining('is encrypted, and there is no STATE_SECRET')],
      notes: [],
    })
    expect(await sqlitePlace({ file: sealedPlace.file, secret }).inspect(machine)).toEqual({ problems: [], notes: [] })
    const clearPlace = newPlace()
    await withStore(sqlitePlace({ file: clearPlace.file }), put)
    expect((await sqlitePlace({ file: clearPlace.file, secret }).inspect(machine)).problems).toEqual([
      expect.stringContaining('was written without a STATE_SECRET'),
    ])
    expect(readdirSync(clearPlace.folder).sort()).toEqual(['tributary.db', 'tributary.db.lock'])
  })

  test('does not disturb a server that uses the state', async () => {
    const { folder, file, keyFile } = newPlace()
    await withStore(sqlitePlace({ file, keyFile }), async (store) => {
      await put(store)
      const names = readdirSync(folder).sort()
      expect(await sqlitePlace({ file, keyFile }).inspect(machine)).toEqual({ problems: [], notes: [] })
      expect(readdirSync(folder).sort()).toEqual(names)
      expect(await get(store)).toBe(plain)
    })
  })
})

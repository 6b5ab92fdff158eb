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

/** A folder of its own, with where a database and its key would be. */
function place() {
  const folder = mkdtempSync(join(root, 'state-'))
  return { folder, file: join(folder, 'tributary.db'), keyFile: join(folder, 'state.key') }
}

async function complaint(place: StatePlace): Promise<string> {
  const thrown = await place.open(machine).then(
    (store) => store.close(),
    (error) => error,
  )
  return thrown instanceof ChatError ? `${thrown.code}: ${thrown.message}` : String(thrown)
}

/** Opens, does the work and closes. */
async function within<T>(place: StatePlace, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await place.open(machine)
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

test('memory forgets with its end', async () => {
  await within(memoryPlace, put)
  expect(await within(memoryPlace, get)).toBeUndefined()
})

test('a file without a secret keeps values as they are', async () => {
  const { folder, file } = place()
  await within(sqlitePlace({ file }), put)
  expect(await within(sqlitePlace({ file }), get)).toBe(plain)
  expect(isInClear(folder)).toBe(true)
})

test('a file with a secret holds no value in clear, not in its log either, and opens with no other', async () => {
  const { folder, file } = place()
  await within(sqlitePlace({ file, secret }), async (store) => {
    await put(store)
    expect(readdirSync(folder)).toContain('tributary.db-wal')
    expect(isInClear(folder)).toBe(false)
  })
  expect(isInClear(folder)).toBe(false)
  expect(await complaint(sqlitePlace({ file, secret: new Secret('opens-nothing-in-this-test') }))).toStartWith(
    'state_sealed',
  )
  expect(await complaint(sqlitePlace({ file }))).toContain('no STATE_SECRET is set')
  // whoever was refused has let go of the file
  expect(await within(sqlitePlace({ file, secret }), get)).toBe(plain)
})

test('a key file is made once, for its owner alone, and is the secret from then on', async () => {
  const { folder, file, keyFile } = place()
  const umask = process.umask(0)
  try {
    await within(sqlitePlace({ file, keyFile }), put)
  } finally {
    process.umask(umask)
  }
  const key = readFileSync(keyFile, 'utf8')
  expect(key).toMatch(/^[0-9a-f]{64}\n$/)
  expect(statSync(keyFile).mode & 0o777).toBe(0o600)
  expect(isInClear(folder)).toBe(false)
  expect(await within(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  expect(readFileSync(keyFile, 'utf8')).toBe(key)
  expect(readdirSync(folder).sort()).toEqual(['state.key', 'tributary.db', 'tributary.db.lock'])
})

test('a secret that is set goes before the key file, which is not even made', async () => {
  const { folder, file, keyFile } = place()
  await within(sqlitePlace({ file, keyFile, secret }), put)
  expect(readdirSync(folder)).not.toContain('state.key')
  expect(await complaint(sqlitePlace({ file, keyFile }))).toStartWith('state_sealed')
})

test('a half-written draft of a key is written anew', async () => {
  const { file, keyFile } = place()
  writeFileSync(`${keyFile}.new`, 'ab', { mode: 0o644 })
  await within(sqlitePlace({ file, keyFile }), put)
  expect(await within(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  expect(statSync(keyFile).mode & 0o777).toBe(0o600)
})

for (const mode of [0o640, 0o604, 0o620, 0o601])
  test(`a key file of mode ${mode.toString(8)} is not used`, async () => {
    const { file, keyFile } = place()
    await within(sqlitePlace({ file, keyFile }), put)
    chmodSync(keyFile, mode)
    expect(await complaint(sqlitePlace({ file, keyFile }))).toMatch(/^state_unavailable: .*chmod 600/)
    chmodSync(keyFile, 0o400)
    expect(await within(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  })

test('a key file that is a pipe is not waited for', async () => {
  const { file, keyFile } = place()
  makeFifo(keyFile)
  expect(await complaint(sqlitePlace({ file, keyFile }))).toMatch(/^state_unavailable: .* is not a regular file/)
})

test('a key file that is damaged, or a folder, is named', async () => {
  const { file, keyFile, folder } = place()
  writeFileSync(keyFile, 'abc', { mode: 0o600 })
  expect(await complaint(sqlitePlace({ file, keyFile }))).toContain('64 hexadecimal digits')
  expect(await complaint(sqlitePlace({ file, keyFile: join(folder, 'missing', 'state.key') }))).toMatch(
    /^state_unavailable: .*ENOENT/,
  )
})

describe('a key file that is lost', () => {
  const snapshot = (folder: string) =>
    Object.fromEntries(
      readdirSync(folder)
        .filter((name) => !name.endsWith('.lock'))
        .map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
    )

  test('is to be restored: no other is made, and not a byte of the state is written', async () => {
    const { folder, file, keyFile } = place()
    await within(sqlitePlace({ file, keyFile }), async (store) => {
      await put(store)
      await store.lease('somebody', 60_000)
    })
    const key = readFileSync(keyFile)
    rmSync(keyFile)
    const before = snapshot(folder)
    for (let time = 0; time < 2; time++)
      expect(await complaint(sqlitePlace({ file, keyFile }))).toMatch(
        /^state_sealed: The key file .*state\.key is missing.* Restore it from a backup/,
      )
    expect(snapshot(folder)).toEqual(before)
    expect(sqlitePlace({ file, keyFile }).inspect().problems).toEqual([
      expect.stringContaining('Restore it from a backup'),
    ])
    writeFileSync(keyFile, key, { mode: 0o600 })
    expect(await within(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  })

  test('also after a crash, with what is only in the log of the database', async () => {
    const { folder, file, keyFile } = place()
    const store = await sqlitePlace({ file, keyFile }).open(machine)
    await put(store)
    const crashed = mkdtempSync(join(root, 'crashed-'))
    for (const name of ['tributary.db', 'tributary.db-wal']) copyFileSync(join(folder, name), join(crashed, name))
    await store.close()
    const lost = sqlitePlace({ file: join(crashed, 'tributary.db'), keyFile: join(crashed, 'state.key') })
    expect(await complaint(lost)).toContain('Restore it from a backup')
    expect(readdirSync(crashed)).not.toContain('state.key')
  })

  test('of a state in which nothing is kept yet is made', async () => {
    const { file, keyFile } = place()
    await within(sqlitePlace({ file }), async () => undefined)
    await within(sqlitePlace({ file, keyFile }), put)
    expect(await within(sqlitePlace({ file, keyFile }), get)).toBe(plain)
  })

  test('and replaced by another is named', async () => {
    const { file, keyFile } = place()
    await within(sqlitePlace({ file, keyFile }), put)
    writeFileSync(keyFile, 'ab'.repeat(32), { mode: 0o600 })
    expect(await complaint(sqlitePlace({ file, keyFile }))).toMatch(
      /^state_sealed: .*the key file .*state\.key has another key/,
    )
  })
})

describe('a look at where the state is kept', () => {
  test('finds nothing wrong with memory, nor with a folder that can be written', () => {
    const { file, keyFile } = place()
    expect(memoryPlace.inspect()).toEqual({ problems: [], notes: [] })
    expect(sqlitePlace({ file, keyFile }).inspect()).toEqual({ problems: [], notes: [] })
    expect(sqlitePlace({ file, secret }).inspect()).toEqual({ problems: [], notes: [] })
  })

  test('says that chats are in clear where there is no secret', () => {
    const { file } = place()
    expect(sqlitePlace({ file }).inspect().notes).toEqual([expect.stringContaining('no STATE_SECRET')])
  })

  test('finds a folder that is not there, one that is none, and a file that is none', () => {
    const { folder, file, keyFile } = place()
    writeFileSync(keyFile, '')
    for (const [path, says] of [
      [join(folder, 'none', 'a.db'), 'does not exist. Create it'],
      [join(keyFile, 'a.db'), 'is not a folder'],
      [folder, 'is not a regular file'],
    ] as const)
      expect(sqlitePlace({ file: path }).inspect().problems).toEqual([expect.stringContaining(says)])
    expect(existsSync(file)).toBe(false)
  })

  test('finds a secret that is missing, and one that is too many', async () => {
    const sealedPlace = place()
    await within(sqlitePlace({ file: sealedPlace.file, secret }), put)
    expect(sqlitePlace({ file: sealedPlace.file }).inspect()).toEqual({
      problems: [expect.stringContaining('is encrypted, and there is no STATE_SECRET')],
      notes: [],
    })
    expect(sqlitePlace({ file: sealedPlace.file, secret }).inspect()).toEqual({ problems: [], notes: [] })
    const clearPlace = place()
    await within(sqlitePlace({ file: clearPlace.file }), put)
    expect(sqlitePlace({ file: clearPlace.file, secret }).inspect().problems).toEqual([
      expect.stringContaining('was written without a STATE_SECRET'),
    ])
    expect(readdirSync(clearPlace.folder).sort()).toEqual(['tributary.db', 'tributary.db.lock'])
  })

  test('leaves a server that has the state alone', async () => {
    const { folder, file, keyFile } = place()
    await within(sqlitePlace({ file, keyFile }), async (store) => {
      await put(store)
      const names = readdirSync(folder).sort()
      expect(sqlitePlace({ file, keyFile }).inspect()).toEqual({ problems: [], notes: [] })
      expect(readdirSync(folder).sort()).toEqual(names)
      expect(await get(store)).toBe(plain)
    })
  })
})

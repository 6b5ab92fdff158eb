import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine } from '../../wire/machine.double.ts'
import { GroupCommit } from './group-commit.ts'
import { SqliteStore } from './sqlite-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'group-commit-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0

function openStore() {
  const file = join(folder, `${++files}.db`)
  const store = new SqliteStore(file, { runtime: machine })
  const other = new Database(file)
  const stored = () => other.query<{ key: string }, []>('SELECT key FROM entries ORDER BY version').all()
  return {
    file,
    store,
    other,
    /** The keys on the disk, as another program sees them, in the order of their writes. */
    keys: () => stored().map(({ key }) => key),
    walBytes: () => statSync(`${file}-wal`).size,
    async [Symbol.asyncDispose]() {
      other.close(true)
      await store.close()
    },
  }
}

const resultOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'written',
    (thrown) => thrown.code,
  )

test('writes of one turn are one transaction, and writes that wait for each other are one each', async () => {
  await using opened = openStore()
  const { store, walBytes } = opened
  await store.put('first', '')
  const begun = walBytes()
  for (let at = 0; at < 50; at++) await store.put(`a${at}`, 'text')
  const apart = walBytes() - begun
  await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`b${at}`, 'text')))
  const together = walBytes() - begun - apart
  expect(together).toBeGreaterThan(0)
  expect(apart).toBeGreaterThan(10 * together)
})

test('a write is acknowledged only when it is on the disk, and in order', async () => {
  await using opened = openStore()
  const { store, keys } = opened
  const acknowledged: string[] = []
  const write = (key: string) => store.put(key, 'text').then(() => acknowledged.push(key))
  const writes = ['a', 'b', 'c'].map(write)
  expect([keys(), acknowledged]).toEqual([[], []])
  // the store itself knows them at once
  expect((await store.get('b'))?.value).toBe('text')
  await Promise.all(writes)
  expect([keys(), acknowledged]).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ])
})

test('a write that is refused does not affect the others of its turn', async () => {
  await using opened = openStore()
  const { store, other, keys } = opened
  other.run("CREATE TRIGGER refuse BEFORE INSERT ON entries WHEN new.key = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END")
  const results = await Promise.all(['a', 'bad', 'c'].map((key) => resultOf(store.put(key, 'text'))))
  expect(results).toEqual(['written', 'state_unavailable', 'written'])
  expect(keys()).toEqual(['a', 'c'])
})

test('if the whole transaction is undone, each of its writers learns it, and later writes succeed', async () => {
  await using opened = openStore()
  const { store, other, keys } = opened
  other.run(
    "CREATE TRIGGER refuse BEFORE INSERT ON entries WHEN new.key = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
  )
  const results = await Promise.all(['a', 'b', 'bad', 'd'].map((key) => resultOf(store.put(key, 'text'))))
  expect(results).toEqual(['state_unavailable', 'state_unavailable', 'state_unavailable', 'written'])
  expect(keys()).toEqual(['d'])
  expect(await resultOf(store.put('e', 'text'))).toBe('written')
})

test('if the commit fails, each writer learns it, and nothing is stored', async () => {
  using database = new Database(':memory:')
  database.run('PRAGMA foreign_keys = ON')
  database.run('CREATE TABLE known (id INTEGER PRIMARY KEY)')
  // the commit checks the references
  database.run('CREATE TABLE entries (id INTEGER REFERENCES known (id) DEFERRABLE INITIALLY DEFERRED)')
  const count = () => database.query<{ count: number }, []>('SELECT count(*) AS count FROM entries').get()?.count
  const commits = new GroupCommit(database)
  const write = (id: number | null) =>
    commits
      .write(() => database.run('INSERT INTO entries VALUES (?)', [id]))
      .then(
        () => 'written',
        (thrown) => thrown.code,
      )
  const results = await Promise.all([null, 7, null].map(write))
  expect(new Set(results)).toEqual(new Set(['SQLITE_CONSTRAINT_FOREIGNKEY']))
  expect(count()).toBe(0)
  expect(await write(null)).toBe('written')
  expect(count()).toBe(1)
})

test('closing the store commits the writes of this turn', async () => {
  const { file, store, other } = openStore()
  other.close(true)
  const written = store.put('a', 'text')
  await store.close()
  expect(await resultOf(written)).toBe('written')
  const again = new SqliteStore(file, { runtime: machine })
  expect((await again.get('a'))?.value).toBe('text')
  await again.close()
})

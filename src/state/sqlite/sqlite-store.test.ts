import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { makeFifo } from '../../../test/libc.ts'
import { until } from '../../../test/waiting.ts'
import { ChatError } from '../../chat/error.ts'
import { machine, machineWith } from '../../wire/machine.double.ts'
import { leaseMemoryMs } from '../store.ts'
import { applicationId, migrate, migrations, readPragma } from './migrations.ts'
import { SqliteStore } from './sqlite-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
const newFile = () => join(folder, `${++files}.db`)

/** The error for a process that opens the file. */
function refusalOf(file: string): string {
  try {
    const store = new SqliteStore(file, { runtime: machine })
    void store.close()
    return 'nothing'
  } catch (thrown) {
    return thrown instanceof ChatError ? `${thrown.code}: ${thrown.message}` : String(thrown)
  }
}

/** Makes a database as another program would, without other files beside it. */
function makeDatabase(file: string, ...statements: readonly string[]): Buffer {
  writeFileSync(file, '', { flag: 'a' })
  const database = new Database(file)
  for (const statement of statements) database.run(statement)
  database.close(true)
  return readFileSync(file)
}

test('values, versions, fences, counters and their ends outlive the store', async () => {
  const file = newFile()
  let time = 1000
  const first = new SqliteStore(file, { runtime: machineWith({ now: () => time }) })
  await first.put('a', '1')
  await first.put('b', '\ud800\0', { ttlMs: 500 })
  await first.put('gone', '')
  const deletedVersion = (await first.get('gone'))?.version ?? 0
  await first.delete('gone')
  const fence = (await first.lease('l', 500))?.fence ?? 0
  const kept = await first.get('a')
  await first.increment('n', 3, { ttlMs: 500 })
  await first.increment('for good', 1)
  await first.close()
  await using second = withClose(new SqliteStore(file, { runtime: machineWith({ now: () => time }) }))
  const { store } = second
  expect(await store.get('a')).toEqual(kept)
  expect((await store.get('b'))?.value).toBe('\ud800\0')
  expect(await store.compareAndSet('gone', 0, '')).toBeGreaterThan(deletedVersion)
  // no other process has the file, so the former holder has ended
  expect((await store.lease('l', 500))?.fence).toBeGreaterThan(fence)
  expect(await store.increment('n', 1, { ttlMs: 500 })).toBe(4)
  time += 500
  expect(await store.get('b')).toBeUndefined()
  expect([await store.increment('n', 1), await store.increment('for good', 1)]).toEqual([1, 2])
})

function withClose(store: SqliteStore) {
  return { store, [Symbol.asyncDispose]: () => store.close() }
}

test('only the owner may read the file and the files beside it, with any umask and any former mode', async () => {
  const umask = process.umask(0)
  try {
    const [made, former] = [newFile(), newFile()]
    makeDatabase(former)
    chmodSync(former, 0o644)
    for (const file of [made, former]) {
      await using opened = withClose(new SqliteStore(file, { runtime: machine }))
      await opened.store.put('a', '1')
      const beside = readdirSync(folder).filter((name) => join(folder, name).startsWith(file))
      expect(beside.map((name) => name.replace(/^\d+/, '')).sort()).toEqual(['.db', '.db-shm', '.db-wal', '.db.lock'])
      for (const name of beside)
        expect(`${name} ${(statSync(join(folder, name)).mode & 0o777).toString(8)}`).toBe(`${name} 600`)
    }
    expect(process.umask()).toBe(0)
  } finally {
    process.umask(umask)
  }
})

test('ended values are deleted step by step until the store is closed', async () => {
  const file = newFile()
  let time = 0
  let clockReads = 0
  const now = () => {
    clockReads++
    return time
  }
  const store = new SqliteStore(file, { runtime: machineWith({ now }), sweepEveryMs: 1 })
  for (let at = 0; at < 50; at++) {
    await store.put(`a${at}`, '', { ttlMs: 10 })
    await store.increment(`n${at}`, 1, { ttlMs: 10 })
  }
  await store.put('b', '', { ttlMs: 11 })
  await store.put('c', '')
  await store.increment('c', 1)
  time = 10
  const reader = new Database(file, { readonly: true })
  const count = (table: string) => reader.query<{ n: number }, []>(`SELECT count(*) n FROM ${table}`).get()?.n
  await until(() => count('entries') === 2 && count('counters') === 1, 20_000, 'what ended is cleared')
  reader.close(true)
  await store.close()
  const readsBefore = clockReads
  await Bun.sleep(50)
  expect(clockReads).toBe(readsBefore)
  expect(await store.get('b').catch((thrown) => thrown.code)).toBe('state_unavailable')
  await store.close()
})

test('a lease is deleted a day after its end, but its fence is never given again', async () => {
  let time = 0
  await using opened = withClose(
    new SqliteStore(newFile(), { runtime: machineWith({ now: () => time }), sweepEveryMs: 1 }),
  )
  const { store } = opened
  const former = (await store.lease('l', 1))?.fence ?? 0
  time = leaseMemoryMs
  let written = 0
  const write = () => store.compareAndSet(`a${written++}`, 0, '', { lease: { name: 'l', fence: former } })
  // a deletion that comes too early would happen in this time
  await Bun.sleep(20)
  expect(await write()).toBeNumber()
  time++
  while (await write()) await Bun.sleep(1)
  expect((await store.lease('l', 1))?.fence).toBeGreaterThan(former)
})

test('another program may read the file, and blocks our writes only while it writes', async () => {
  const file = newFile()
  await using opened = withClose(new SqliteStore(file, { runtime: machine }))
  const { store } = opened
  await store.put('a', '1')
  const otherProgram = new Database(file)
  expect(otherProgram.query('SELECT key, value FROM entries').all()).toEqual([{ key: 'a', value: '1' }])
  otherProgram.run('BEGIN IMMEDIATE')
  for (const call of [
    () => store.put('a', '2'),
    () => store.take('a'),
    () => store.lease('l', 1),
    () => store.delete('a'),
    () => store.increment('n', 1),
  ]) {
    const refused = await call().catch((thrown) => thrown)
    expect(refused).toBeInstanceOf(ChatError)
    expect([refused.reason, refused.code]).toEqual(['unavailable', 'state_unavailable'])
  }
  expect((await store.get('a'))?.value).toBe('1')
  otherProgram.run('ROLLBACK')
  otherProgram.close()
  await store.put('a', '2')
  expect(await store.take('a')).toBe('2')
  expect(await store.increment('n', 0)).toBe(0)
})

describe('a file that another process has open', () => {
  const opener = `
    import { SqliteStore } from ${JSON.stringify(join(import.meta.dir, 'sqlite-store.ts'))}
    import { machine } from ${JSON.stringify(join(import.meta.dir, '../../wire/machine.double.ts'))}
    try { new SqliteStore(process.argv.at(-1), { runtime: machine }); console.log('open') } catch (error) { console.log(error.code, error.message) }
    if (process.argv.includes('stay')) setInterval(() => {}, 1000)`
  const spawn = (...args: string[]) => Bun.spawn([process.execPath, '-e', opener, '--', ...args], { stdout: 'pipe' })
  const inUse = 'state_unavailable Another tributary has the state file'

  test('is refused to a second process, also through a link, until it is closed', async () => {
    const file = newFile()
    const store = new SqliteStore(file, { runtime: machine })
    await store.put('a', '1')
    symlinkSync(file, `${file}.link`)
    for (const path of [file, `${file}.link`]) {
      expect(await spawn(path).stdout.text()).toStartWith(inUse)
      expect(refusalOf(path)).toContain('Another tributary')
    }
    // a refused process does not disturb the owner
    await store.put('a', '2')
    expect(await spawn(file).stdout.text()).toStartWith(inUse)
    await store.close()
    expect(await spawn(file).stdout.text()).toBe('open\n')
    expect(refusalOf(file)).toBe('nothing')
  })

  test('is refused under another name too: a hard link, or the name it was moved to', async () => {
    const [file, link, moved] = [newFile(), newFile(), newFile()]
    const store = new SqliteStore(file, { runtime: machine })
    await store.put('a', '1')
    linkSync(file, link)
    renameSync(file, moved)
    for (const path of [link, moved]) {
      expect(await spawn(path).stdout.text()).toStartWith(inUse)
      expect(refusalOf(path)).toContain('Another tributary')
    }
    await store.put('a', '2')
    await store.close()
    expect(await spawn(moved).stdout.text()).toBe('open\n')
  })

  test('is free as soon as its process is killed', async () => {
    const file = newFile()
    const child = spawn('stay', file)
    for await (const bytes of child.stdout) {
      expect(new TextDecoder().decode(bytes)).toBe('open\n')
      break
    }
    expect(refusalOf(file)).toContain('Another tributary')
    child.kill('SIGKILL')
    await child.exited
    expect(refusalOf(file)).toBe('nothing')
  })
})

describe('a file that is lost while it is in use causes a problem:', () => {
  const waysToLose: Readonly<Record<string, readonly [(file: string) => void, string]>> = {
    removed: [(file) => rmSync(file), 'was removed or renamed'],
    renamed: [(file) => renameSync(file, `${file}.old`), 'was removed or renamed'],
    'removed with all files beside it': [
      (file) => {
        for (const name of readdirSync(folder)) if (join(folder, name).startsWith(file)) rmSync(join(folder, name))
      },
      'was removed or renamed',
    ],
    'replaced by a copy': [
      (file) => {
        copyFileSync(file, `${file}.copy`)
        renameSync(`${file}.copy`, file)
      },
      'was replaced by another file',
    ],
    emptied: [(file) => truncateSync(file), 'was overwritten'],
    'left without its log': [(file) => rmSync(`${file}-wal`), 'has lost its log'],
    'given the log of another file': [
      (file) => {
        copyFileSync(`${file}-wal`, `${file}.copy`)
        renameSync(`${file}.copy`, `${file}-wal`)
      },
      'has lost its log',
    ],
  }
  for (const [how, [loseFile, problem]] of Object.entries(waysToLose))
    test(how, async () => {
      const file = newFile()
      await using opened = withClose(new SqliteStore(file, { runtime: machine }))
      await opened.store.put('a', '1')
      expect(opened.store.problem()).toBeUndefined()
      loseFile(file)
      expect(opened.store.problem()?.message).toContain(`${file} ${problem}`)
    })
})

test('a file that is made through a link is locked under its own name', async () => {
  const [file, link] = [newFile(), newFile()]
  symlinkSync(file, link)
  await using opened = withClose(new SqliteStore(link, { runtime: machine }))
  await opened.store.put('a', '1')
  expect(opened.store.problem()).toBeUndefined()
  expect(readdirSync(folder)).not.toContain(`${basename(link)}.lock`)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  rmSync(file)
  expect(opened.store.problem()?.message).toContain(`${file} was removed`)
})

test('a failed write is a problem until another succeeds', async () => {
  const file = newFile()
  await using opened = withClose(new SqliteStore(file, { runtime: machine, sweepEveryMs: 1 }))
  const otherProgram = new Database(file)
  otherProgram.run('BEGIN IMMEDIATE')
  expect(await opened.store.put('a', '1').catch((thrown) => thrown.code)).toBe('state_unavailable')
  expect(opened.store.problem()?.message).toContain('SQLITE_BUSY')
  otherProgram.run('ROLLBACK')
  otherProgram.close(true)
  await until(() => opened.store.problem() === undefined, 20_000, 'the problem ends')
})

describe('the error for an unusable file says what to do:', () => {
  test('its folder is missing, or is a file', () => {
    expect(refusalOf(join(folder, 'missing', 'a.db'))).toMatch(/^state_unavailable: The folder of .*missing.*Create it/)
    writeFileSync(join(folder, 'file'), '')
    expect(refusalOf(join(folder, 'file', 'a.db'))).toMatch(/^state_unavailable: The folder/)
  })

  test('it is a folder', () => {
    mkdirSync(join(folder, 'folder.db'))
    expect(refusalOf(join(folder, 'folder.db'))).toMatch(
      /^state_unavailable: .* is not a regular file.*Set STATE_URL to another/,
    )
  })

  test('it, or its lock, is a pipe or a device, and is refused at once', () => {
    const [pipe, locked] = [newFile(), newFile()]
    for (const path of [pipe, `${locked}.lock`]) makeFifo(path)
    for (const path of [pipe, locked, '/dev/null'])
      expect(refusalOf(path)).toMatch(/^state_unavailable: .* is not a regular file.*Set STATE_URL to another/)
  })

  test('it is a pipe without a name', async () => {
    const opener = `
      import { SqliteStore } from ${JSON.stringify(join(import.meta.dir, 'sqlite-store.ts'))}
    import { machine } from ${JSON.stringify(join(import.meta.dir, '../../wire/machine.double.ts'))}
      try { new SqliteStore('/dev/fd/1', { runtime: machine }); console.log('open') } catch (error) { console.log(error.message) }`
    const cwd = mkdtempSync(join(folder, 'empty-'))
    const child = Bun.spawn([process.execPath, '-e', opener], { cwd, stdout: 'pipe' })
    expect(await child.stdout.text()).toContain('/dev/fd/1 is not a regular file')
    expect(readdirSync(cwd)).toEqual([])
  })

  for (const [what, content] of [
    ['text', 'no database at all\n'.repeat(500)],
    ['a few bytes', 'x'],
  ] as const)
    test(`it contains ${what}, and is not changed`, () => {
      const file = newFile()
      writeFileSync(file, content)
      expect(refusalOf(file)).toMatch(/^state_unavailable: .*is not a SQLite database. Set STATE_URL to another/)
      expect(readFileSync(file, 'utf8')).toBe(content)
    })

  test('its schema is damaged', async () => {
    const file = newFile()
    await new SqliteStore(file, { runtime: machine }).close()
    makeDatabase(file, 'DROP TABLE leases')
    for (let again = 0; again < 2; again++)
      expect(refusalOf(file)).toMatch(/^state_unavailable: .* is damaged .*backup/)
  })

  test('its pages are damaged, which is found when they are read', async () => {
    const file = newFile()
    const contentBefore = new SqliteStore(file, { runtime: machine })
    for (let at = 0; at < 100; at++) await contentBefore.put(`${at}`, 'x'.repeat(1000))
    await contentBefore.close()
    writeFileSync(file, readFileSync(file).fill(0xff, 8192))
    await using opened = withClose(new SqliteStore(file, { runtime: machine }))
    const calls = [opened.store.get('1'), opened.store.put('1', ''), opened.store.take('1'), opened.store.lease('l', 1)]
    for (const call of calls) expect(await call.catch((thrown) => thrown.code)).toBe('state_unavailable')
  })

  test('it is another program’s database, and is not changed', () => {
    for (const statements of [
      ['CREATE TABLE theirs (a)'],
      ['PRAGMA journal_mode = WAL', 'CREATE TABLE entries (a)', 'PRAGMA user_version = 1'],
    ]) {
      const file = newFile()
      const contentBefore = makeDatabase(file, ...statements)
      expect(refusalOf(file)).toContain('another program')
      expect(readFileSync(file).equals(contentBefore)).toBe(true)
    }
  })
})

describe('the schema', () => {
  const newer = migrations.length + 1

  test('of a newer tributary is refused, and the file is not changed', async () => {
    const file = newFile()
    await new SqliteStore(file, { runtime: machine }).close()
    const contentBefore = makeDatabase(file, 'CREATE TABLE from_the_future (a)', `PRAGMA user_version = ${newer}`)
    for (let again = 0; again < 2; again++)
      expect(refusalOf(file)).toContain(`newer tributary (schema ${newer}, this one knows ${migrations.length})`)
    expect(readFileSync(file).equals(contentBefore)).toBe(true)
  })

  test('of a newer tributary is refused even if it is only in the log of a killed process', async () => {
    const file = newFile()
    await new SqliteStore(file, { runtime: machine }).close()
    const killed = `
      import { Database } from 'bun:sqlite'
      const database = new Database(${JSON.stringify(file)})
      database.run('CREATE TABLE from_the_future (a)')
      database.run('PRAGMA user_version = ${newer}')
      process.kill(process.pid, 'SIGKILL')`
    await Bun.spawn([process.execPath, '-e', killed]).exited
    const contentBefore = [file, `${file}-wal`].map((path) => readFileSync(path))
    expect(contentBefore[1]?.length).toBeGreaterThan(0)
    expect(refusalOf(file)).toContain('newer tributary')
    expect([file, `${file}-wal`].map((path) => readFileSync(path))).toEqual(contentBefore)
  })

  // the first version of this program wrote this schema, so it must not be edited
  const first = [
    'CREATE TABLE entries (version INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, value BLOB NOT NULL, expires INTEGER)',
    'CREATE INDEX entries_by_end ON entries (expires) WHERE expires IS NOT NULL',
    'CREATE TABLE leases (fence INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, expires INTEGER NOT NULL)',
    'PRAGMA application_id = 1953655138',
    'PRAGMA user_version = 1',
    "INSERT INTO entries (version, key, value) VALUES (7, 'a', 'of old')",
  ]

  test('of the first version is migrated, and its values are kept', async () => {
    const file = newFile()
    makeDatabase(file, ...first)
    await using opened = withClose(new SqliteStore(file, { runtime: machine }))
    expect(await opened.store.get('a')).toEqual({ value: 'of old', version: 7 })
    expect(await opened.store.compareAndSet('a', 7, 'new')).toBe(8)
    expect(await opened.store.increment('n', 1)).toBe(1)
  })

  const laterMigrations = [
    ...migrations,
    'ALTER TABLE entries ADD COLUMN note TEXT; CREATE TABLE more (a)',
    'CREATE TABLE last (a)',
  ]
  const tables = (database: Database) =>
    database
      .query<{ name: string }, []>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
      )
      .all()
  const names = ['counters', 'entries', 'last', 'leases', 'more'].map((name) => ({ name }))

  for (const [from, statements] of [
    ['nothing', []],
    ['the first', first],
  ] as const)
    test(`is migrated from ${from} to the newest, and a second run changes nothing`, () => {
      using database = new Database(':memory:')
      for (const statement of statements) database.run(statement)
      for (let again = 0; again < 2; again++) {
        migrate(database, laterMigrations)
        expect(tables(database)).toEqual(names)
        expect(readPragma(database, 'user_version')).toBe(laterMigrations.length)
        expect(readPragma(database, 'application_id')).toBe(applicationId)
      }
      expect(database.query('SELECT * FROM entries').all().length).toBe(statements.length > 0 ? 1 : 0)
    })

  test('stays at the last complete step if a step fails', () => {
    using database = new Database(':memory:')
    expect(() =>
      migrate(database, [...migrations, 'CREATE TABLE more (a)', 'CREATE TABLE half (a); CREATE TABLE half (a)']),
    ).toThrow()
    expect(readPragma(database, 'user_version')).toBe(migrations.length + 1)
    expect(tables(database)).toEqual(['counters', 'entries', 'leases', 'more'].map((name) => ({ name })))
  })
})

/** The state file when processes are killed and disks are full. With TRIBUTARY_TEST_FULL=1 a thousand processes are killed. */
import { Database } from 'bun:sqlite'
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SqliteStore } from '../../src/state/sqlite/sqlite-store.ts'
import { machine } from '../../src/wire/machine.double.ts'
import { liftFileSizeLimit } from '../libc.ts'
import { times } from '../sizes.ts'
import { each, until, within } from '../waiting.ts'

setDefaultTimeout(600_000)

const folder = mkdtempSync(join(tmpdir(), 'tributary-state-chaos-'))
afterAll(() => rmSync(folder, { recursive: true }))
const writer = fileURLToPath(new URL('./state-writer.ts', import.meta.url))

/** Returns numbers from 0 to 1, the same ones for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Starts the writer, and collects the words that it prints. */
function startWriter(file: string, command: readonly string[] = []) {
  const child = Bun.spawn([...command, process.execPath, writer, file], { stdout: 'pipe', stderr: 'inherit' })
  const words: string[] = []
  const reading = async () => {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const bytes of child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      words.push(...lines)
    }
  }
  const read = reading()
  return {
    words,
    pid: child.pid,
    /** The newest number that was acknowledged. */
    acknowledged: () => Number(words.findLast((word) => /^\d+$/.test(word)) ?? 0),
    kill: async () => {
      child.kill('SIGKILL')
      await child.exited
      await read
    },
  }
}

/** Returns the faults that SQLite itself finds in a file. */
function integrity(file: string): unknown {
  using database = new Database(file)
  return database.query('PRAGMA integrity_check').all()
}

/** Opens the file as the next process would, and checks every entry. @returns the number of entries */
async function countIn(file: string): Promise<number> {
  const store = new SqliteStore(file, { runtime: machine })
  try {
    const count = Number((await store.get('count'))?.value ?? 0)
    // if the last count was lost, its entry is counted once more
    expect(await store.increment('counted', 0)).toBeGreaterThanOrEqual(count)
    for (let number = 1; number <= count; number++)
      expect((await store.get(`entry ${number}`))?.value).toBe(`${number} ${'x'.repeat(500)}`)
    return count
  } finally {
    await store.close()
  }
}

test('a process that is killed at any moment loses nothing that was acknowledged', async () => {
  const rounds = times(40, 1_000)
  const seed = 20_261_121
  const random = randomOf(seed)
  const lanes = [0, 1].map((lane) => ({
    lane,
    plan: Array.from({ length: rounds / 2 }, () => [random(), random(), random()] as const),
  }))
  let written = 0
  await each(lanes, 2, async ({ lane, plan }) => {
    let file = ''
    let count = 0
    for (const [round, [kind, place, moment]] of plan.entries()) {
      // some processes begin with a new file, so that its creation is interrupted too
      if (round % 10 === 0) {
        file = join(folder, `killed-${lane}-${round}.db`)
        count = 0
      }
      const child = startWriter(file)
      if (kind < 0.5)
        await within(
          until(() => child.acknowledged() >= count + place * 40, 20_000, 'writes'),
          20_000,
          'writes',
        )
      // the test needs a random moment, so it waits by the clock
      await Bun.sleep(moment * (kind < 0.5 ? 5 : 80))
      await child.kill()
      const acknowledged = Math.max(count, child.acknowledged())
      const where = `seed ${seed}, lane ${lane}, round ${round}`
      const found = await countIn(file)
      // one more entry may have been written before its number was printed
      expect([acknowledged, acknowledged + 1], where).toContain(found)
      expect(integrity(file), where).toEqual([{ integrity_check: 'ok' }])
      written += found - count
      count = found
    }
  })
  expect(written).toBeGreaterThan(rounds)
})

test('a full disk refuses writes without loss, and accepts them again when it has room', async () => {
  const file = join(folder, 'full.db')
  // the maximal size of a file in KiB; its signal is ignored, so a write fails as on a full disk
  const child = startWriter(file, ['bash', '-c', 'trap "" XFSZ; ulimit -S -f 1024; exec "$@"', 'bash'])
  try {
    const failures = () => child.words.filter((word) => word === 'state_unavailable').length
    await until(() => failures() >= 20, 20_000, 'writes that fail')
    const before = child.acknowledged()
    expect(before).toBeGreaterThan(10)
    expect(Math.max(...[file, `${file}-wal`].map((path) => statSync(path).size))).toBeLessThanOrEqual(1024 * 1024)
    liftFileSizeLimit(child.pid)
    await until(() => child.acknowledged() >= before + 100, 20_000, 'writes again')
    expect(new Set(child.words.filter((word) => !/^\d+$/.test(word)))).toEqual(new Set(['open', 'state_unavailable']))
  } finally {
    await child.kill()
  }
  expect(await countIn(file)).toBeGreaterThanOrEqual(child.acknowledged())
  expect(integrity(file)).toEqual([{ integrity_check: 'ok' }])
})

/**
 * Writes to the SQLite store in a file (its argument) until it is killed, and prints each number when it is acknowledged, or
 * the code of the failure. The test that starts it makes the faults.
 */
import { writeSync } from 'node:fs'
import { ChatError } from '../../src/chat/error.ts'
import { SqliteStore } from '../../src/state/sqlite/sqlite-store.ts'
import { machine } from '../../src/wire/machine.double.ts'

const say = (word: string | number) => writeSync(1, `${word}\n`)

const store = new SqliteStore(process.argv[2] ?? '', { runtime: machine })
say('open')
for (;;) {
  try {
    say(await writeNext())
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    say(thrown.code)
    await Bun.sleep(5)
  }
}

/** Writes an entry, a counter of the entries, and the same number as a value under a short lease. */
async function writeNext(): Promise<number> {
  const found = await store.get('count')
  const next = Number(found?.value ?? 0) + 1
  const lease = await store.lease(`writer ${next}`, 1)
  await store.put(`entry ${next}`, `${next} ${'x'.repeat(500)}`)
  await store.increment('counted', 1)
  const claim = { lease: { name: `writer ${next}`, fence: lease?.fence ?? 0 } }
  if (!(await store.compareAndSet('count', found?.version ?? 0, String(next), claim)))
    throw new Error('nobody else writes')
  return next
}

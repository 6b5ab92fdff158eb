import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Conversations } from '../../src/conversations/conversations.ts'
import { faultIn } from '../../src/conversations/fault-in.ts'
import { contentOf } from '../../src/conversations/stored-message.ts'
import { sqlitePlace } from '../../src/state/sqlite/sqlite-place.ts'
import { machine, newCancel } from '../../src/wire/machine.double.ts'
import { times } from '../sizes.ts'

const rounds = times(8, 50)
const whose = { client: 'chaos', session: 's' }
const signal = newCancel()
const writer = fileURLToPath(new URL('./conversation-writer.ts', import.meta.url))

/** Kills the writer after this number of lines. @returns the lines */
async function killAfter(file: string, lines: number): Promise<string[]> {
  const child = Bun.spawn([process.execPath, writer, file], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let said = ''
  for await (const bytes of child.stdout) {
    said += new TextDecoder().decode(bytes)
    if (said.split('\n').length > lines) child.kill('SIGKILL')
  }
  await child.exited
  // the last line may be incomplete
  return said.split('\n').slice(0, -1)
}

test('kill -9 in the middle of a turn loses nothing that was acknowledged, and the session goes on at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-conversations-'))
  try {
    const file = join(folder, 'state.db')
    const acknowledged: string[] = []
    for (let round = 1; round <= rounds; round++) {
      acknowledged.push(...(await killAfter(file, round * 3)))
      const store = await sqlitePlace({ file }).open(machine)
      const conversations = new Conversations({ runtime: machine, store, ttlMs: 3_600_000 })
      // the lease of the killed process does not block the next one
      const opened = await conversations.open(whose, { model: 'm', content: `after ${round}` }, { wait: false, signal })
      if (opened.kind === 'answered') throw new Error('a new request has no answer')
      acknowledged.push(`after ${round}`)
      expect(faultIn(opened.turn.messages())).toBeUndefined()
      await opened.turn.close()
      const kept = (await conversations.messages(whose, 10_000))?.map(contentOf) ?? []
      const words = kept.filter((content) => acknowledged.includes(content))
      expect(words).toEqual(acknowledged.slice(-words.length))
      expect(words.length).toBeGreaterThanOrEqual(Math.min(acknowledged.length, 500))
      await store.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 60_000)

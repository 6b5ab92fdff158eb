/** The fault matrix for smithery's wires: at each moment each fault, seen from a client of the whole program. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Environment } from '../../src/config/environment.ts'
import { emulateSmithery } from '../../src/providers/smithery/emulator.ts'
import { provider } from '../../src/providers/smithery/index.ts'
import { until } from '../waiting.ts'
import { ask } from './client.ts'
import { expectCell } from './expect-cell.ts'
import { startGateway } from './gateway.ts'
import { cells } from './smithery-matrix.ts'

setDefaultTimeout(30_000)

const named = new Map(cells.map((cell, at) => [`cell-${at}`, cell]))
const emulator = await emulateSmithery({ reply: ({ model }) => named.get(model)?.script })
// without the key nobody renews: what a refused session goes through stands in smithery-sessions.test.ts
const { SMITHERY_SUPABASE_ANON_KEY: _, ...variables } = emulator.variables
// an upstream for each cell: what one does to its account is not the others' trouble
const upstreams = [...named.keys()].flatMap((name) =>
  provider
    .configure(new Environment({ ...variables, SMITHERY_MODELS: name }))
    .map((upstream) => ({ ...upstream, name })),
)
const gateway = startGateway({ API_REQUEST_TIMEOUT: '2', STREAM_IDLE_TIMEOUT: '2' }, (config) => ({
  ...config,
  upstreams,
}))
afterAll(async () => {
  await gateway.close()
  await emulator.close()
})

describe('fault matrix, smithery', () => {
  for (const [name, cell] of named) {
    test.concurrent(cell.name, async () => {
      const answer = await ask(gateway.url, { model: `${name}/${name}`, id: name, stream: cell.stream })
      expectCell(answer, cell)
      expect(emulator.chats.filter(({ model }) => model === name).length).toBe(cell.attempts)
      await until(() => gateway.linesOf(name).length > 0, 1_000, 'the line of the log')
      expect(gateway.linesOf(name)).toMatchObject([{ outcome: cell.code ?? 'ok', attempts: cell.attempts }])
    })
  }
})

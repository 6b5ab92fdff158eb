/** The fault matrix for langfast's wires: at each moment each fault, seen from a client of the whole program. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readSession } from '../../src/auth/session.ts'
import { Environment } from '../../src/config/environment.ts'
import { emulateLangfast, type LangfastEmulator } from '../../src/providers/langfast/emulator.ts'
import { provider } from '../../src/providers/langfast/index.ts'
import { until } from '../waiting.ts'
import { ask } from './client.ts'
import { expectCell } from './expect-cell.ts'
import { startGateway } from './gateway.ts'
import { cells } from './langfast-matrix.ts'

setDefaultTimeout(30_000)

const named = new Map(cells.map((cell, at) => [`cell-${at}`, cell]))
const shared = await emulateLangfast({ reply: (model) => named.get(model)?.script })
const emulators = new Map<string, LangfastEmulator>()
for (const [name, { emulator }] of named) emulators.set(name, emulator ? await emulateLangfast(emulator) : shared)

// an upstream for each cell, with one account that nobody renews: what one does to it is not the others' trouble
const upstreams = [...emulators].flatMap(([name, emulator]) =>
  provider
    .configure(new Environment({ ...emulator.variables, LANGFAST_MODELS: name }))
    .map(({ supply: _, ...upstream }) => ({
      ...upstream,
      name,
      accounts: [{ label: 'anonymous', credential: readSession(emulator.signIn()) }],
    })),
)
const gateway = startGateway({ API_REQUEST_TIMEOUT: '2', STREAM_IDLE_TIMEOUT: '2' }, (config) => ({
  ...config,
  upstreams,
}))
afterAll(async () => {
  await gateway.close()
  for (const emulator of new Set(emulators.values())) await emulator.close()
})

describe('fault matrix, langfast', () => {
  for (const [name, cell] of named) {
    test.concurrent(cell.name, async () => {
      const answer = await ask(gateway.url, { model: `${name}/${name}`, id: name, stream: cell.stream })
      expectCell(answer, cell)
      const runs = emulators.get(name)?.runs.filter((run) => run.prompt_meta.model === name) ?? []
      expect(runs.length).toBe(cell.emulator ? 0 : cell.attempts)
      await until(() => gateway.linesOf(name).length > 0, 1_000, 'the line of the log')
      expect(gateway.linesOf(name)).toMatchObject([{ outcome: cell.code ?? 'ok', attempts: cell.attempts }])
    })
  }
})

test('nothing is left of it', async () => {
  for (const emulator of new Set(emulators.values()))
    await until(() => emulator.busy() === 0, 2_000, 'every connection is closed')
})

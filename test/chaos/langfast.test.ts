/** The fault matrix for langfast's wires. */
import { test } from 'bun:test'
import { Environment } from '../../src/config/environment.ts'
import { emulateLangfast, type LangfastEmulator } from '../../src/providers/langfast/emulator/index.ts'
import { provider } from '../../src/providers/langfast/index.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import { readSession } from '../../src/sign-in/session.ts'
import { until } from '../waiting.ts'
import { cells as all } from './langfast-matrix.ts'
import { byModel, testMatrix } from './test-matrix.ts'

const cells = byModel(all)
const shared = await emulateLangfast({ reply: (model) => cells.get(model)?.script })
const emulators = new Map<string, LangfastEmulator>()
for (const [name, { emulator }] of cells) emulators.set(name, emulator ? await emulateLangfast(emulator) : shared)
const emulatorOf = (model: string) => emulators.get(model) ?? shared

/** Has one account, which is not renewed. */
function configure(model: string): Upstream[] {
  const emulator = emulatorOf(model)
  const environment = new Environment({ ...emulator.variables, LANGFAST_MODELS: model })
  return provider.configure(environment).map(({ supply: _, ...upstream }) => ({
    ...upstream,
    accounts: [{ label: 'anonymous', credential: readSession(emulator.signIn()) }],
  }))
}

testMatrix({
  title: 'langfast',
  cells,
  configure,
  asked: (model) => emulatorOf(model).runs.filter((run) => run.prompt_meta.model === model).length,
  toBeAsked: (cell) => (cell.emulator ? 0 : cell.attempts),
  async close() {
    for (const emulator of new Set(emulators.values())) await emulator.close()
  },
})

test('no connection is left open', async () => {
  for (const emulator of new Set(emulators.values()))
    await until(() => emulator.busy() === 0, 2_000, 'every connection is closed')
})

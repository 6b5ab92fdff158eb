/** The fault matrix for smithery's wires. */
import { Environment } from '../../src/config/environment.ts'
import { emulateSmithery } from '../../src/providers/smithery/emulator/index.ts'
import { provider } from '../../src/providers/smithery/index.ts'
import { cells as all } from './smithery-matrix.ts'
import { byModel, testMatrix } from './test-matrix.ts'

const cells = byModel(all)
const emulator = await emulateSmithery({ reply: ({ model }) => cells.get(model)?.script })
// without the key there is no renewal; smithery-sessions.test.ts tests refused sessions
const { SMITHERY_SUPABASE_ANON_KEY: _, ...variables } = emulator.variables

testMatrix({
  title: 'smithery',
  cells,
  configure: (model) => provider.configure(new Environment({ ...variables, SMITHERY_MODELS: model })),
  asked: (asked) => emulator.chats.filter(({ model }) => model === asked).length,
  close: () => emulator.close(),
})

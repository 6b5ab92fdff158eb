/** The fault matrix for Cohere's wire. */
import { Environment } from '../../src/config/environment.ts'
import { emulateCohere } from '../../src/providers/cohere/emulator/index.ts'
import { provider } from '../../src/providers/cohere/index.ts'
import { cells as all } from './cohere-matrix.ts'
import { byModel, testMatrix } from './test-matrix.ts'

const cells = byModel(all)
const emulator = await emulateCohere({ reply: ({ model }) => cells.get(model)?.script })
const variables = { COHERE_TOKEN: 'token-of-the-matrix', COHERE_BASE_URL: emulator.origin }

testMatrix({
  title: 'cohere',
  cells,
  configure: (model) => provider.configure(new Environment({ ...variables, COHERE_MODELS: model })),
  asked: (asked) => emulator.chats.filter(({ model }) => model === asked).length,
  close: () => emulator.close(),
})

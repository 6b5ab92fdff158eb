/**
 * The fault matrix of reliability, section 2, for HTTP: each fault at each moment (A before the head, B before the first
 * event, C within the answer, D after the finish, E after [DONE]).
 */
import { Environment } from '../../src/config/environment.ts'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { provider } from '../../src/providers/openai-compatible/index.ts'
import { upstreamAt } from './gateway.ts'
import { cells as all } from './matrix.ts'
import { byModel, testMatrix } from './test-matrix.ts'

const cells = byModel(all)
const emulator = await emulateOpenai({ reply: ({ model }) => cells.get(model)?.script })

testMatrix({
  title: 'openai-compatible',
  cells,
  configure: (model) => provider.configure(new Environment(upstreamAt(model, emulator.url))),
  asked: (asked) => emulator.chats.filter(({ model }) => model === asked).length,
  close: () => emulator.close(),
})

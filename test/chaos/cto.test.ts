/** The fault matrix for cto.new's wires: a prompt over HTTP, and a socket. */
import { describe, expect, test } from 'bun:test'
import { Environment } from '../../src/config/environment.ts'
import { emulateCto } from '../../src/providers/cto/emulator/index.ts'
import { provider } from '../../src/providers/cto/index.ts'
import { until } from '../waiting.ts'
import { ask } from './client.ts'
import { cells as all } from './cto-matrix.ts'
import { expectCell } from './expect-cell.ts'
import { startGateway } from './gateway.ts'
import { byModel, testMatrix } from './test-matrix.ts'

const cells = byModel(all)
const emulator = await emulateCto({ reply: ({ model }) => cells.get(model)?.script })

testMatrix({
  title: 'cto',
  cells,
  configure: (model) => provider.configure(new Environment({ ...emulator.variables, CTO_MODELS: model })),
  asked: (asked) => emulator.chats.filter(({ model }) => model === asked).length,
  toBeAsked: (cell) => cell.asked ?? cell.attempts,
  close: () => emulator.close(),
})

test('every socket is closed in the end', () =>
  until(() => emulator.openConnections() === 0, 5_000, 'the sockets are closed'))

describe('a refused socket', () => {
  for (const [from, status, code, attempts] of [
    [401, 502, 'upstream_auth', 1],
    [403, 502, 'upstream_auth', 1],
    [404, 502, 'upstream_protocol', 1],
    [429, 429, 'rate_limit_exceeded', 1],
    [500, 502, 'upstream_error', 2],
    [503, 503, 'upstream_overloaded', 2],
  ] as const) {
    test(`with ${from} is ${status} ${code}`, async () => {
      const service = await emulateCto({ refuseSocket: () => from })
      const here = startGateway({ ...service.variables })
      try {
        const answer = await ask(here.url, { model: 'cto/GPT5' })
        expectCell(answer, { name: '', text: '', stream: true, status, code, attempts })
        expect(service.chats).toBeEmpty()
      } finally {
        await here.close()
        await service.close()
      }
    })
  }
})

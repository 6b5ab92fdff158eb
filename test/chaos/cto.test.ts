/** The fault matrix for cto.new's wires, a prompt by HTTP and a socket, seen from a client of the whole program. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Environment } from '../../src/config/environment.ts'
import { emulateCto } from '../../src/providers/cto/emulator.ts'
import { provider } from '../../src/providers/cto/index.ts'
import { until } from '../waiting.ts'
import { ask } from './client.ts'
import { cells } from './cto-matrix.ts'
import { expectCell } from './expect-cell.ts'
import { startGateway } from './gateway.ts'

setDefaultTimeout(30_000)

const named = new Map(cells.map((cell, at) => [`cell-${at}`, cell]))
const emulator = await emulateCto({ reply: ({ model }) => named.get(model)?.script })
// an upstream for each cell: what one does to its account is not the others' trouble
const upstreams = [...named.keys()].flatMap((name) =>
  provider
    .configure(new Environment({ ...emulator.variables, CTO_MODELS: name }))
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

describe('fault matrix, cto', () => {
  for (const [name, cell] of named) {
    test.concurrent(cell.name, async () => {
      const answer = await ask(gateway.url, { model: `${name}/${name}`, id: name, stream: cell.stream })
      expectCell(answer, cell)
      expect(emulator.chats.filter(({ model }) => model === name).length).toBe(cell.asked ?? cell.attempts)
      await until(() => gateway.linesOf(name).length > 0, 1_000, 'the line of the log')
      expect(gateway.linesOf(name)).toMatchObject([{ outcome: cell.code ?? 'ok', attempts: cell.attempts }])
    })
  }

  test('every socket is closed in the end', () =>
    until(() => emulator.openConnections() === 0, 5_000, 'the sockets are closed'))
})

describe('a socket refused', () => {
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

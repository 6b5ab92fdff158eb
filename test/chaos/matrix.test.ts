/**
 * The fault matrix of reliability, section 2, for HTTP: at each moment (A before the head, B before the first event, C within
 * the answer, D after the finish, E after [DONE]) each fault, seen from a client of the whole program. Every cell also
 * shows P30: one line in the log, with the outcome that the client saw.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator.ts'
import { until } from '../waiting.ts'
import { ask } from './client.ts'
import { expectCell } from './expect-cell.ts'
import { startGateway, upstreamAt } from './gateway.ts'
import { cells } from './matrix.ts'

setDefaultTimeout(30_000)

const named = new Map(cells.map((cell, at) => [`cell-${at}`, cell]))
const emulator = await emulateOpenai({ reply: ({ model }) => named.get(model)?.script })
const upstreams = [...named.keys()].map((name) => upstreamAt(name, emulator.url))
const gateway = startGateway({ API_REQUEST_TIMEOUT: '2', STREAM_IDLE_TIMEOUT: '2', ...Object.assign({}, ...upstreams) })
afterAll(async () => {
  await gateway.close()
  await emulator.close()
})

describe('fault matrix, P30', () => {
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

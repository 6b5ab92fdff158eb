import { afterAll, describe, expect, test } from 'bun:test'
import type { Config } from '../../src/config/config.ts'
import type { Upstream } from '../../src/providers/provider.ts'
import { until } from '../waiting.ts'
import type { Seen } from './cell.ts'
import { ask } from './client.ts'
import { expectCell } from './expect-cell.ts'
import { startGateway } from './gateway.ts'

/** The cells by model. Each has its own model, so that an emulator knows which fault to make. */
export function byModel<C>(cells: readonly C[]): ReadonlyMap<string, C> {
  return new Map(cells.map((cell, at) => [`cell-${at}`, cell]))
}

interface Matrix<C extends Seen> {
  readonly title: string
  readonly cells: ReadonlyMap<string, C>
  /** Returns the upstream that serves this model. Each cell has its own, so that a refused account does not affect other cells. */
  configure(model: string): readonly Upstream[]
  /** Counts the prompts for the model that have reached the service. */
  asked(model: string): number
  /** Returns the expected number, if it is not the cell's attempts. */
  toBeAsked?(cell: C): number
  /** Whether the service is asked to go on with an answer that breaks off. It then breaks off again. */
  isAskedOn?(cell: C): boolean
  /** Closes the emulators after the gateway. */
  close(): Promise<void>
}

/** Makes a test for each cell with the whole program. Each also shows P30: one line in the log, with the outcome that the client saw. */
export function testMatrix<C extends Seen>({
  title,
  cells,
  configure,
  asked,
  toBeAsked,
  isAskedOn,
  close,
}: Matrix<C>): void {
  const upstreams = [...cells.keys()].flatMap((name) => configure(name).map((upstream) => ({ ...upstream, name })))
  const alter = (config: Config) => ({ ...config, upstreams })
  // the short limit is for cells whose fault is silence; the long one is for a busy machine
  const impatient = startGateway({ API_REQUEST_TIMEOUT: '3', STREAM_IDLE_TIMEOUT: '3' }, alter)
  const patient = startGateway({}, alter)
  afterAll(async () => {
    await Promise.all([impatient.close(), patient.close()])
    await close()
  })
  describe(`fault matrix, ${title}`, () => {
    for (const [name, cell] of cells) {
      test.concurrent(cell.name, async () => {
        const gateway = isSilence(cell) ? impatient : patient
        const answer = await ask(gateway.url, { model: `${name}/${name}`, id: name, stream: cell.stream })
        expectCell(answer, cell)
        const again = isAskedOn?.(cell) ? 1 : 0
        expect(asked(name)).toBe((toBeAsked?.(cell) ?? cell.attempts) + again)
        await until(() => gateway.linesOf(name).length > 0, 20_000, 'the line of the log')
        expect(gateway.linesOf(name)).toMatchObject([{ outcome: cell.code ?? 'ok', attempts: cell.attempts + again }])
      })
    }
  })
}

/** Whether the upstream is silent, so that a deadline must end the request. */
function isSilence({ name, code }: Seen): boolean {
  return /\b(stall|wait|not answered|not let in)\b/.test(name) && code !== undefined
}

import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import { type LineSink, LineWriter } from '../telemetry/line-writer.ts'
import { type Log, openLog } from '../telemetry/log.ts'
import { openChain } from './open-chain.ts'

/** The log of a process that serves. */
export interface ServerLog {
  readonly log: Log
  readonly lines: LineWriter
  /** Writes the last line of its chain, if it has one. */
  end(): void
}

/** Opens the log of this process. What waits is written when the process ends. */
export async function openServerLog(config: Config, runtime: Runtime, output: LineSink): Promise<ServerLog> {
  const chain = await openChain(config, runtime)
  const onDropped = (count: number) =>
    log.warn({ lines: count }, 'log lines were dropped, because the output took none')
  const lines = new LineWriter(output, onDropped, chain?.seal)
  const { logLevel: level, logFormat: format } = config
  const log = openLog({ runtime, level, format, write: (line) => lines.write(line) })
  process.on('exit', () => lines.finish())
  if (chain) lines.write(chain.first)
  return {
    log,
    lines,
    end() {
      if (chain) lines.write(chain.last())
    },
  }
}

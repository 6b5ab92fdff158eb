import type { Subprocess } from 'bun'
import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Timer } from '../flow/timers.ts'
import type { Log } from '../telemetry/log.ts'
import { explainBindFailure } from './bind-failure.ts'
import { reportSignals } from './hold-signals.ts'
import { openLogOutput } from './log-output.ts'
import { announcement, refuseLogFile } from './serve.ts'
import { openServerLog } from './server-log.ts'
import { asksToReloadOthers, firstWorkerName, onStopSignal, workerName } from './worker.ts'
import { MetricsCollector } from './worker-metrics.ts'

/** Milliseconds before a worker that ended is started again: doubled each time, and the first again after it ran for long. */
const firstPauseMs = 500
const maxPauseMs = 30_000
const longRunMs = 60_000
/** Milliseconds that workers have to stop, in addition to the grace period. */
const stopMs = 10_000

/** Runs the processes of `WORKERS` until SIGTERM or SIGINT. It serves nothing itself. @returns the process's exit code */
export async function runWorkers(config: Config, runtime: Runtime): Promise<number> {
  const { host, port } = config
  // several programs could share a port, and none would get an error
  if ((await runtime.network.tryToListen(host, port)) !== undefined) {
    process.stderr.write(await explainBindFailure(config, runtime.network, undefined))
    return 1
  }
  const logTo = await openLogOutput(config, runtime, Bun.stdout.writer())
  if (typeof logTo === 'string') return refuseLogFile(logTo)
  const serverLog = await openServerLog(config, runtime, logTo)
  const { log, lines } = serverLog
  const announce = (line: string) => {
    lines.write(line)
    if (config.logFile) process.stdout.write(line)
  }
  const workers = new Workers(config, { log, runtime, announce })
  onStopSignal((signal) => workers.stop(signal))
  reportSignals((signal) => {
    if (signal !== 'SIGHUP') return
    logTo.reopen?.()
    workers.pass(signal)
  })
  const code = await workers.run()
  serverLog.end()
  return code
}

interface WorkersOptions {
  readonly log: Log
  readonly runtime: Runtime
  /** Says where it listens. */
  announce(line: string): void
}

type Child = Subprocess<'ignore', 'inherit', 'inherit'>

/** The processes of `WORKERS`. One that ends is started again. */
class Workers {
  readonly #config: Config
  readonly #options: WorkersOptions
  readonly #running = new Set<Child>()
  readonly #metrics: MetricsCollector
  readonly #pauses = new Set<Timer>()
  readonly #ended = Promise.withResolvers<number>()
  #listening = 0
  #isStopping = false
  #exitCode = 0

  constructor(config: Config, options: WorkersOptions) {
    this.#config = config
    this.#options = options
    this.#metrics = new MetricsCollector(options.runtime.timers)
  }

  /** @returns the exit code, when all have ended */
  run(): Promise<number> {
    for (let at = 0; at < this.#config.workers; at++) this.#start(firstPauseMs, at === 0 ? firstWorkerName : workerName)
    return this.#ended.promise
  }

  /** Passes on a signal to stop. The second one ends them at once. */
  stop(signal: string): void {
    const { log, runtime } = this.#options
    if (!this.#isStopping) {
      log.info({ signal }, 'stopping the workers')
      const { shutdownDelayMs, shutdownGraceMs } = this.#config
      runtime.timers.set(shutdownDelayMs + shutdownGraceMs + stopMs, () => this.pass('SIGKILL'), { isBackground: true })
    }
    this.#isStopping = true
    for (const pause of this.#pauses) pause.stop()
    for (const child of this.#running) if (child.exitCode === null && child.signalCode === null) child.send(signal)
    this.#endIfAlone()
  }

  pass(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal)
  }

  #reloadOthers(pid: number): void {
    for (const child of this.#running) if (child.pid !== pid) child.kill('SIGHUP')
  }

  #start(pauseMs: number, argv0: string): void {
    const { log, runtime } = this.#options
    const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main]
    const startedAt = runtime.elapsed()
    const child = Bun.spawn([process.execPath, ...script, ...process.argv.slice(2)], {
      argv0,
      stdio: ['ignore', 'inherit', 'inherit'],
      ipc: (message, sender) => this.#hear(message, sender.pid),
    })
    this.#running.add(child)
    this.#metrics.add(child)
    void child.exited.then((code) => {
      this.#running.delete(child)
      this.#metrics.remove(child.pid)
      if (this.#isStopping) return this.#endIfAlone()
      log.error({ pid: child.pid, code, signal: child.signalCode }, 'a worker has ended')
      // what stops the first one stops all, such as a state that cannot be opened
      if (this.#listening === 0) this.#exitCode ||= code
      if (this.#listening === 0) return this.stop('SIGTERM')
      const ranLong = runtime.elapsed() - startedAt >= longRunMs
      this.#startLater(ranLong ? firstPauseMs : pauseMs, argv0)
    })
  }

  #hear(message: unknown, pid: number): void {
    if (asksToReloadOthers(message)) this.#reloadOthers(pid)
    else if (typeof message === 'string') this.#noteListening(message)
    else this.#metrics.hear(message, pid)
  }

  #startLater(pauseMs: number, argv0: string): void {
    const pause = this.#options.runtime.timers.set(pauseMs, () => {
      this.#pauses.delete(pause)
      this.#start(Math.min(2 * pauseMs, maxPauseMs), argv0)
    })
    this.#pauses.add(pause)
  }

  #noteListening(url: string): void {
    this.#listening++
    if (this.#listening > this.#config.workers) this.#options.log.info({ url }, 'a worker listens again')
    if (this.#listening === this.#config.workers)
      this.#options.announce(announcement(this.#config, url, this.#options.runtime.now()))
  }

  #endIfAlone(): void {
    if (this.#running.size === 0) this.#ended.resolve(this.#exitCode)
  }
}

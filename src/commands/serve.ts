import { type App, openApp, type Surroundings } from '../app.ts'
import { asChatError, ChatError } from '../chat/error.ts'
import type { KeptValues } from '../config/apply-kept.ts'
import type { Config, Misconfigured } from '../config/config.ts'
import { readKept } from '../credentials/kept-variables.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'
import type { Log } from '../telemetry/log.ts'
import { version } from '../version.ts'
import { guardDescriptors } from '../wire/descriptors.ts'
import { openProcessUse } from '../wire/process-use.ts'
import { hideFromServers } from './hide-from-servers.ts'
import { reportSignals } from './hold-signals.ts'
import { type LogOutput, openLogOutput } from './log-output.ts'
import { openState } from './open-state.ts'
import { Handover } from './restart/handover.ts'
import { checkItself } from './self-check.ts'
import { openServerLog } from './server-log.ts'
import { isSpeaker, isWorker, onStopSignal, reloadOtherWorkers, tellParent } from './worker.ts'
import { answerForMetrics, askForMetrics } from './worker-metrics.ts'

/** Serves until SIGTERM or SIGINT, then lets running answers finish. A second signal ends the process at once. */
export async function serve(config: Config, { runtime, read }: Pick<Serving, 'runtime' | 'read'>): Promise<number> {
  const logTo = await openLogOutput(config, runtime, Bun.stdout.writer())
  if (typeof logTo === 'string') return refuseLogFile(logTo)
  return serveUntilStopped(config, {
    runtime,
    read,
    logTo,
    announce: ({ url, configuration }, write) => {
      if (isWorker) return tellParent(url)
      const line = announcement(configuration.inForce, url, runtime.now())
      write(line)
      // whoever starts it looks there
      if (config.logFile) process.stdout.write(line)
    },
    // several workers would all say the same
    ...(isSpeaker && { checkItself }),
  })
}

/** Says why the log cannot be written. @returns the process's exit code */
export function refuseLogFile(problem: string): number {
  process.stderr.write(`${problem}.\n`)
  return configExit
}

/** @returns the process's exit code */
function refuseHandover({ message }: ChatError): number {
  process.stderr.write(`${message}\n`)
  return 1
}

/** sysexits.h: the configuration cannot be used. */
const configExit = 78

export interface Serving {
  readonly runtime: Runtime
  /** The output for the lines of the log. */
  readonly logTo: LogOutput
  /** Reads the configuration again. */
  read(): Config | Misconfigured
  /** Prints the address that the server listens on. @param write writes to the output of the log */
  announce(app: Pick<App, 'url' | 'configuration'>, write: (text: string) => void): void
  /** Writes into the log what is on, and what is wrong. */
  readonly checkItself?: typeof checkItself
}

const ignoredSignal = 'this signal has no effect'

/** Milliseconds for which a stopped process waits for the reader of its log. */
const lastLinesMs = 1_000

/** @returns the process's exit code */
export async function serveUntilStopped(
  config: Config,
  { runtime, logTo, read, ...serving }: Serving,
): Promise<number> {
  const serverLog = await openServerLog(config, runtime, logTo)
  const { log, lines } = serverLog
  const stopped = stopSignal()
  const handover = await Handover.open({ config, log, runtime }).catch(asChatError)
  if (handover instanceof ChatError) return refuseHandover(handover)
  const store = await openState(config, runtime, { sharing: handover.sharing })
  if (typeof store === 'number') return store
  const traces = await openTracesIfOn(config, { log, runtime })
  hideFromServers(config, log)
  const app = await openOrExplain(config, log, store, {
    ...{ runtime, read, kept: await readKeptOrNone(config, store, log) },
    onReconfigured: ({ logLevel }) => log.setLevel(logLevel),
    ...{ reloadOthers: reloadOtherWorkers, droppedLines: () => lines.dropped, ...metricsOf(runtime) },
    ...{ hostName: async () => (await import('./host-name.ts')).hostName(), speaksAlone: isSpeaker },
    formerPort: handover.formerPort,
    restart: isWorker ? undefined : () => handover.restart(),
    ...(traces && { tracer: traces.tracer, listeners: traces.listeners }),
  })
  if (!app) return 1
  const releaseDescriptors = guardDescriptors(log, runtime.timers)
  // until now functions were compiled late, because most functions of the start run once
  Bun.unsafe.setJITPolicy(1)
  reportSignals(onSignals(app, { handover, log, logTo }))
  await handover.ready(app)
  serving.announce(app, (text) => lines.write(text))
  serving.checkItself?.(app, log)
  handover.tellReady(app)
  lines.flush()
  await handover.end(stopped)
  reportSignals(ignoreSignal(log))
  await app.close()
  await traces?.close()
  releaseDescriptors()
  serverLog.end()
  await Promise.race([lines.drain(), new Promise((resolve) => runtime.timers.set(lastLinesMs, resolve))])
  return 0
}

/** How the process is measured, and how the processes of `WORKERS` show their metrics together. */
function metricsOf({ timers }: Runtime): Pick<Surroundings, 'metrics' | 'onMetrics'> {
  const measureProcess = openProcessUse()
  if (!isWorker) return { metrics: { measureProcess } }
  return { metrics: { measureProcess, ofAllWorkers: askForMetrics(timers) }, onMetrics: answerForMetrics }
}

/** The library for traces is loaded only if they are on (docs/decisions/0050-late-modules.md). */
async function openTracesIfOn({ traces }: Config, { log, runtime }: { readonly log: Log; readonly runtime: Runtime }) {
  if (!traces) return undefined
  const { openTraces } = await import('../traces/open-traces.ts')
  return openTraces(traces, { log, runtime, version })
}

/** @returns undefined if the server cannot listen; the reason has been printed */
async function openOrExplain(
  config: Config,
  log: Log,
  store: Store,
  surroundings: Surroundings,
): Promise<App | undefined> {
  try {
    return openApp(config, log, store, surroundings)
  } catch (thrown) {
    const { explainBindFailure } = await import('./bind-failure.ts')
    process.stderr.write(await explainBindFailure(config, surroundings.runtime.network, thrown))
    await store.close()
    return undefined
  }
}

/** The credentials of the state, before the first request. A state that is new with this process has none. */
async function readKeptOrNone({ state }: Config, store: Store, log: Log): Promise<KeptValues> {
  if (!state.isDurable) return {}
  return readKept(store).catch((err: unknown) => {
    log.error({ err }, 'the credentials of the state could not be read')
    return {}
  })
}

function ignoreSignal(log: Log): (signal: string) => void {
  return (signal) => log.warn({ signal }, ignoredSignal)
}

interface SignalParts {
  readonly handover: Handover
  readonly log: Log
  readonly logTo: LogOutput
}

/** SIGHUP opens the log's file again and reads the configuration again. SIGUSR2 lets another process take over. */
function onSignals({ configuration }: App, { handover, log, logTo }: SignalParts): (signal: string) => void {
  return (signal) => {
    if (signal === 'SIGHUP') {
      logTo.reopen?.()
      configuration.reloadHere()
    } else if (signal === 'SIGUSR2' && !isWorker)
      handover.restart().catch((thrown: unknown) => log.error({ err: asChatError(thrown) }, 'the restart has failed'))
    else ignoreSignal(log)(signal)
  }
}

/** The one line that is always shown: the server's address. */
export function announcement({ logFormat, upstreams }: Config, url: string, now: number): string {
  const names = upstreams.map(({ name }) => name)
  if (logFormat !== 'json')
    return `tributary ${version} listens on ${url} (OpenAI base URL: ${url}/v1), upstreams: ${names.join(', ')}\n`
  const time = new Date(now).toISOString()
  return `${JSON.stringify({ level: 'info', time, url, version, upstreams: names, msg: 'listening' })}\n`
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let isStopping = false
    const onSignal = (signal: string) => {
      if (isStopping) process.exit(1)
      isStopping = true
      resolve(signal)
    }
    onStopSignal(onSignal)
  })
}

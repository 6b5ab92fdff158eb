import { openApp } from '../app.ts'
import { asChatError, ChatError } from '../chat/error.ts'
import type { Config } from '../config.ts'
import { openStore } from '../state/open-store.ts'
import { openLog } from '../telemetry/log.ts'
import { version } from '../version.ts'

/** sysexits.h: what is configured cannot be used. */
const stateExit = 78

/** Serves until SIGTERM or SIGINT, then lets running answers end. A second signal ends it at once. */
export async function serve(config: Config): Promise<number> {
  const log = openLog({
    level: config.logLevel,
    format: config.logFormat,
    write: (line) => void process.stdout.write(line),
  })
  // whoever read the log has gone: that is no reason to stop, nor to say so with every line
  process.stdout.on('error', () => undefined)
  const stopped = stopSignal()
  const store = await openStore(config.state).catch(asChatError)
  if (store instanceof ChatError) {
    process.stderr.write(`The state cannot be opened: ${store.message}\n`)
    return stateExit
  }
  let app: ReturnType<typeof openApp>
  try {
    app = openApp(config, log, store)
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    process.stderr.write(
      `Cannot listen on ${config.host}:${config.port}: ${why}. Is another program there? PORT=0 picks a free port.\n`,
    )
    await store.close()
    return 1
  }
  announce(config, app.url)
  const signal = await stopped
  log.info({ signal }, 'stopping')
  await app.close()
  return 0
}

/** The one line that is always printed: where to find it. */
function announce({ logFormat, upstreams }: Config, url: string): void {
  const names = upstreams.map(({ name }) => name)
  if (logFormat === 'json')
    process.stdout.write(
      `${JSON.stringify({ level: 'info', time: new Date().toISOString(), url, version, upstreams: names, msg: 'listening' })}\n`,
    )
  else
    process.stdout.write(
      `tributary ${version} listens on ${url} (OpenAI base URL: ${url}/v1), upstreams: ${names.join(', ')}\n`,
    )
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let isStopping = false
    const onSignal = (signal: string) => {
      if (isStopping) process.exit(1)
      isStopping = true
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}

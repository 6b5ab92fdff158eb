import { asChatError, ChatError } from '../chat/error.ts'
import { redact } from '../chat/secret.ts'
import type { Config } from '../config.ts'
import { examine, type Finding } from '../gateway/examine.ts'
import { openStore } from '../state/open-store.ts'
import type { Store } from '../state/store.ts'
import { openLog } from '../telemetry/log.ts'
import { adviceOn, stateOf } from './doctor-verdict.ts'
import { isServing } from './health.ts'
import { table } from './table.ts'

/** sysexits.h: what is configured cannot be used. */
const stateExit = 78

/** Milliseconds for one account at the most; less where the operator is less patient with upstreams. */
const patienceMs = 60_000

/** Tries every configured account once, side by side. Exit 1 if none works. */
export async function doctor(config: Config): Promise<number> {
  const renewed = config.upstreams.filter(({ accounts }) => accounts.some(({ renewal }) => renewal))
  if (config.state.kind === 'memory' && renewed.length > 0 && (await isServing(config))) {
    process.stderr.write(runningWords(renewed.map(({ name }) => name)))
    return 1
  }
  const store = await openStore(config.state).catch(asChatError)
  if (store instanceof ChatError) {
    process.stderr.write(`The state cannot be opened: ${store.message}\n`)
    return stateExit
  }
  const findings = await examineAll(config, store)
  await store.close()
  const head = ['upstream', 'account', 'state', 'took', 'why', 'what to do']
  const { isTTY, columns } = process.stdout
  process.stdout.write(`\n${table(head, findings.map(row), isTTY ? columns : undefined)}`)
  return findings.some(({ error }) => !error) ? 0 : 1
}

/** Two that renew the same account burn it: a server that keeps what it renewed in memory cannot be asked for it. */
function runningWords(names: readonly string[]): string {
  return `The server is running and keeps the renewed accounts of ${names.join(', ')} in its memory: to renew them here would take them from it.
Stop it first, or keep its state in a file (STATE_URL=sqlite:FILE). If what answers at HOST and PORT is no tributary, set another PORT.
`
}

/** @returns every account of every upstream, in the order in which they are configured */
async function examineAll(config: Config, store: Store): Promise<readonly Finding[]> {
  const { upstreams, deadlines, logLevel } = config
  const log = openLog({
    level: logLevel === 'info' ? 'silent' : logLevel,
    format: 'json',
    write: (line) => void process.stderr.write(line),
  })
  const options = { store, log, patienceMs: Math.min(patienceMs, deadlines.firstEventMs) }
  const count = upstreams.reduce((sum, { accounts, supply }) => sum + accounts.length + (supply ? 1 : 0), 0)
  process.stderr.write(
    `Trying ${count === 1 ? 'one account' : `${count} accounts`}, at most ${options.patienceMs / 1000} s each.\n`,
  )
  let known = 0
  const told = (finding: Finding) => void process.stderr.write(progressLine(finding, `${++known}/${count}`))
  return (await Promise.all(upstreams.map((upstream) => examine(upstream, options, told)))).flat()
}

function progressLine({ upstream, account, error }: Finding, count: string): string {
  return `${count} ${upstream} ${account}: ${stateOf(error)}\n`
}

function row(finding: Finding): readonly string[] {
  const { upstream, account, model = '', tookMs, error } = finding
  const took = `${(tookMs / 1000).toFixed(1)} s`
  // a model's name is an upstream's word
  const why = error ? error.message : `${redact(model)} answered`
  return [upstream, account, stateOf(error), took, why, adviceOn(finding)]
}

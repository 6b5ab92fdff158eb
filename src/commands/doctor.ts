import { asChatError, ChatError, type Reason } from '../chat/error.ts'
import type { Config } from '../config.ts'
import { examine, type Finding } from '../gateway/examine.ts'
import { openStore } from '../state/open-store.ts'
import { openLog } from '../telemetry/log.ts'
import { isServing } from './health.ts'
import { table } from './table.ts'

/** sysexits.h: what is configured cannot be used. */
const stateExit = 78

/** Tries every configured account once, side by side. Exit 1 if none works. */
export async function doctor(config: Config): Promise<number> {
  const { upstreams, logLevel } = config
  const accounts = upstreams.reduce((sum, { accounts: own, supply }) => sum + own.length + (supply ? 1 : 0), 0)
  const living = upstreams.filter(({ accounts: own, supply }) => supply || own.some(({ renewal }) => renewal))
  if (config.state.kind === 'memory' && living.length > 0 && (await isServing(config))) {
    process.stderr.write(runningWords(living.map(({ name }) => name)))
    return 1
  }
  const store = await openStore(config.state).catch(asChatError)
  if (store instanceof ChatError) {
    process.stderr.write(`The state cannot be opened: ${store.message}\n`)
    return stateExit
  }
  const log = openLog({
    level: logLevel === 'info' ? 'silent' : logLevel,
    format: 'json',
    write: (line) => void process.stderr.write(line),
  })
  const findings: Finding[] = []
  process.stderr.write(`Trying ${accounts === 1 ? 'one account' : `${accounts} accounts`}, at most a minute each.\n`)
  const told = (finding: Finding) => {
    findings.push(finding)
    process.stderr.write(progressLine(finding, `${findings.length}/${accounts}`))
  }
  await Promise.all(upstreams.map((upstream) => examine(upstream, { store, log }, told)))
  await store.close()
  const order = upstreams.map(({ name }) => name)
  findings.sort((a, b) => order.indexOf(a.upstream) - order.indexOf(b.upstream) || (a.account < b.account ? -1 : 1))
  process.stdout.write(`\n${table(['upstream', 'account', 'state', 'took', 'why', 'what to do'], findings.map(row))}`)
  return findings.some(({ error }) => !error) ? 0 : 1
}

/** Two that renew the same account burn it: a server that keeps what it renewed in memory cannot be asked for it. */
function runningWords(names: readonly string[]): string {
  return `The server is running and keeps the renewed accounts of ${names.join(', ')} in its memory: to renew them here would take them from it.
Stop it first, or keep its state in a file (STATE_URL=sqlite:FILE).
`
}

function progressLine({ upstream, account, error }: Finding, count: string): string {
  return `${count} ${upstream} ${account}: ${error ? error.code : 'works'}\n`
}

function row({ upstream, account, model, tookMs, error }: Finding): readonly string[] {
  const took = `${(tookMs / 1000).toFixed(1)} s`
  if (!error) return [upstream, account, 'works', took, `${model} answered`, '']
  return [upstream, account, states[error.reason] ?? 'failed', took, error.message, remedy(error.reason, account)]
}

const states: Readonly<Partial<Record<Reason, string>>> = {
  'account-refused': 'refused',
  'login-needed': 'needs login',
  'account-banned': 'banned',
  'renewal-failed': 'not renewed',
  'quota-exhausted': 'no credit',
  'rate-limited': 'cooling',
  challenged: 'challenged',
  timeout: 'silent',
  overloaded: 'overloaded',
}

function remedy(reason: Reason, account: string): string {
  switch (reason) {
    case 'account-refused':
      return `Check ${account}: copy it again from its account.`
    case 'login-needed':
      return `Sign in again in a private window, copy the session into ${account} (docs/upstreams.md).`
    case 'account-banned':
      return 'The service has closed this account. Write to its support, or leave it out.'
    case 'quota-exhausted':
      return 'Add credit there, or wait for the next period.'
    case 'rate-limited':
      return 'Wait; the gateway does so by itself.'
    case 'challenged':
      return 'The service wants to see a human from this address: open it in a browser here, or wait. It is not worked around.'
    case 'model-not-found':
      return 'Name a model it has in its …_MODELS variable.'
    case 'upstream-outdated':
      return 'The service has changed: look for a newer tributary.'
    default:
      return 'Check its address and the network, and try again.'
  }
}

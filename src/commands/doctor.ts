import { redact } from '../chat/secret.ts'
import type { Config } from '../config/config.ts'
import { examine, type Finding } from '../gateway/examine.ts'
import type { Store } from '../state/store.ts'
import { openLog } from '../telemetry/log.ts'
import { adviceOn, stateOf } from './doctor-verdict.ts'
import { isRenewed, openState } from './open-state.ts'
import { table } from './table.ts'

/** Milliseconds for one account at the most; less where the operator is less patient with upstreams. */
const patienceMs = 60_000

/** Tries every configured account once, side by side. Exit 1 if none works. */
export async function doctor(config: Config): Promise<number> {
  const store = await openState(config, config.upstreams.filter(isRenewed))
  if (typeof store === 'number') return store
  const findings = await examineAll(config, store)
  await store.close()
  const head = ['upstream', 'account', 'state', 'took', 'why', 'what to do']
  const { isTTY, columns } = process.stdout
  process.stdout.write(`\n${table(head, findings.map(row), isTTY ? columns : undefined)}`)
  return findings.some(({ error }) => !error) ? 0 : 1
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

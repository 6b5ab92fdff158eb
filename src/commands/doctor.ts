import { asChatError } from '../chat/error.ts'
import { redact } from '../chat/secret.ts'
import type { Config } from '../config/config.ts'
import { examine, type Finding } from '../gateway/examine.ts'
import type { Store } from '../state/store.ts'
import { openLog } from '../telemetry/log.ts'
import { adviceOn, stateOf } from './doctor-verdict.ts'
import { urlOf } from './health.ts'
import { isRenewed, openState } from './open-state.ts'
import { findServer, type RunningServer } from './running-server.ts'
import { table } from './table.ts'

/** Milliseconds for one account at the most; less where the operator is less patient with upstreams. */
const patienceMs = 60_000

/**
 * Tries every account once, side by side. A server that runs tries its own: a token that can be used once is renewed
 * where it is kept, and nowhere else. Exit 1 if none works.
 */
export async function doctor(config: Config, { isJson }: { readonly isJson: boolean }): Promise<number> {
  const server = await findServer(config)
  const findings = typeof server === 'object' ? await examinedBy(server, config) : await examineHere(config, server)
  if (typeof findings === 'number') return findings
  process.stdout.write(isJson ? asJson(findings) : asTable(findings))
  return findings.some(({ error }) => !error) ? 0 : 1
}

/** @param status with which something at HOST and PORT refused to tell of its upstreams */
async function examineHere(config: Config, status: number | undefined): Promise<readonly Finding[] | number> {
  if (status === 401 || status === 403)
    process.stderr.write(
      `What answers at ${urlOf(config)} does not take this configuration's API_MASTER_KEY (HTTP ${status}), and cannot be asked.\n`,
    )
  const store = await openState(config, config.upstreams.filter(isRenewed))
  if (typeof store === 'number') {
    if (config.state.kind === 'sqlite')
      process.stderr.write('If a server runs with it, set HOST and PORT as that has them: the doctor asks it then.\n')
    return store
  }
  try {
    return await examineAll(config, store)
  } finally {
    await store.close()
  }
}

/** The server's own accounts, of the configuration it was started with. */
async function examinedBy(server: RunningServer, config: Config): Promise<readonly Finding[] | number> {
  process.stderr.write(
    `The server that runs at ${server.url} tries its accounts, with the settings it was started with.\n`,
  )
  const known = new Set(server.upstreams.flatMap(({ accounts }) => accounts))
  const added = config.upstreams.flatMap(({ name, accounts }) =>
    accounts.filter(({ label }) => !known.has(label)).map(({ label }) => `${name} ${label}`),
  )
  if (added.length > 0)
    process.stderr.write(`It does not know ${added.join(', ')}: restart it to use what was set since.\n`)
  try {
    const findings = await Promise.all(
      server.upstreams.map(async ({ name }) => {
        const tried = await server.test(name)
        for (const finding of tried) process.stderr.write(progressLine(finding))
        return tried
      }),
    )
    return findings.flat()
  } catch (thrown) {
    process.stderr.write(`The server that runs at ${server.url} could not be asked: ${asChatError(thrown).message}\n`)
    return 1
  }
}

function asTable(findings: readonly Finding[]): string {
  const head = ['upstream', 'account', 'state', 'took', 'why', 'what to do']
  const { isTTY, columns } = process.stdout
  return `\n${table(head, findings.map(row), isTTY ? columns : undefined)}`
}

function asJson(findings: readonly Finding[]): string {
  const accounts = findings.map((finding) => {
    const [upstream, account, state, , why, advice] = row(finding)
    return { upstream, account, works: !finding.error, state, took_ms: finding.tookMs, why, advice }
  })
  return `${JSON.stringify({ works: accounts.some(({ works }) => works), accounts }, undefined, 2)}\n`
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
  const told = (finding: Finding) => void process.stderr.write(`${++known}/${count} ${progressLine(finding)}`)
  return (await Promise.all(upstreams.map((upstream) => examine(upstream, options, told)))).flat()
}

function progressLine({ upstream, account, error }: Finding): string {
  return `${upstream} ${account}: ${stateOf(error)}\n`
}

function row(finding: Finding): readonly string[] {
  const { upstream, account, model = '', tookMs, error } = finding
  const took = `${(tookMs / 1000).toFixed(1)} s`
  // a model's name is an upstream's word
  const why = error ? error.message : `${redact(model)} answered`
  return [upstream, account, stateOf(error), took, why, adviceOn(finding)]
}

import { describeTerms } from '../accounts/terms.ts'
import { asChatError } from '../chat/error.ts'
import { redact } from '../chat/secret.ts'
import { applyKept } from '../config/apply-kept.ts'
import type { Config } from '../config/config.ts'
import { readKept } from '../credentials/kept-variables.ts'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import { examine, type Finding } from '../gateway/examine.ts'
import type { Store } from '../state/store.ts'
import { openLog } from '../telemetry/log.ts'
import type { ToolServerState } from '../tools/tool.ts'
import { version } from '../version.ts'
import { toolsReport, toolsTable, tryToolServers } from './doctor-tools.ts'
import { adviceOn, stateOf } from './doctor-verdict.ts'
import { urlOf } from './health.ts'
import { isRenewed, openState } from './open-state.ts'
import { quotaLine, usedUpLines } from './quota-line.ts'
import type { ServerNeed } from './read-needs.ts'
import { findServer, type RunningServer } from './running-server.ts'
import { table } from './table.ts'

/** Limit for one account, in milliseconds. A shorter API_REQUEST_TIMEOUT of the operator wins. */
const maxTestMs = 60_000

/**
 * Tries every account once, all at the same time, and connects to the MCP servers. A running server tries its own
 * accounts, because a refresh token that can be used only once must be renewed by the process that stores it. Exit 1
 * if no account works.
 */
export async function doctor(
  config: Config,
  { isJson, runtime }: { readonly isJson: boolean; readonly runtime: Runtime },
): Promise<number> {
  const server = await findServer(config, runtime)
  const report =
    typeof server === 'object' ? await examineOnServer(server, config) : await examineHere(config, runtime, server)
  if (typeof report === 'number') {
    if (isJson) process.stdout.write(asJson({ ...noReport, problem: cannotTest }, runtime.now()))
    return report
  }
  if (!isJson) process.stderr.write(termLines(config))
  process.stdout.write(isJson ? asJson(report, runtime.now()) : asTable(report, runtime.now()))
  return report.findings.some(({ error }) => !error) ? 0 : 1
}

const cannotTest = 'The accounts could not be tested. The standard error output says why.'

interface Report {
  /** The address of the running server that has tested its accounts; undefined if this command did. */
  readonly server?: string
  /** What needs somebody, as the running server says; undefined if none runs. */
  readonly needs?: readonly ServerNeed[]
  /** Why there is no finding. */
  readonly problem?: string
  readonly findings: readonly Finding[]
  readonly toolServers: readonly ToolServerState[]
}

const noReport: Report = { findings: [], toolServers: [] }

/** @param status the HTTP status with which a server at HOST and PORT refused to list its upstreams */
async function examineHere(config: Config, runtime: Runtime, status: number | undefined): Promise<Report | number> {
  if (status === 401 || status === 403)
    process.stderr.write(
      `The server at ${urlOf(config)} refuses this configuration's API_MASTER_KEY (HTTP ${status}), so its accounts cannot be tested.\n`,
    )
  const store = await openState(config, runtime, { shared: config.upstreams.filter(isRenewed) })
  if (typeof store === 'number') {
    if (config.state.isDurable)
      process.stderr.write(
        'If a running server has this state open, set its HOST and PORT here. Then that server tests its accounts.\n',
      )
    return store
  }
  const log = logOf(config, runtime)
  try {
    const { config: inForce } = applyKept(config, await readKept(store))
    const [findings, toolServers] = await Promise.all([
      examineAll(inForce, { store, log, runtime }),
      tryToolServers(config, log, runtime),
    ])
    for (const one of toolServers) process.stderr.write(serverLine(one))
    return { findings, toolServers }
  } finally {
    await store.close()
  }
}

/** Asks the running server to try its accounts, with the configuration that it was started with. */
async function examineOnServer(server: RunningServer, config: Config): Promise<Report | number> {
  process.stderr.write(`The server running at ${server.url} tests its accounts, with the settings of its start.\n`)
  try {
    const [toolServers, needs] = await Promise.all([server.toolServers(), server.needs()])
    const added = addedSince({ ...server, toolServers }, config)
    if (added.length > 0)
      process.stderr.write(`It does not know ${added.join(', ')}. Restart it to use the new settings.\n`)
    for (const name of server.upstreams.flatMap(({ ejected }) => ejected))
      process.stderr.write(
        `It does not ask ${redact(name)} at the moment, because it has failed five times in a row.\n`,
      )
    const findings = await Promise.all(
      server.upstreams.map(async ({ name }) => {
        const tried = await server.test(name)
        for (const finding of tried) process.stderr.write(progressLine(finding))
        return tried
      }),
    )
    for (const one of toolServers) process.stderr.write(serverLine(one))
    for (const need of needs) process.stderr.write(needLine(need))
    return { server: server.url, needs, findings: findings.flat(), toolServers }
  } catch (thrown) {
    process.stderr.write(
      `The server running at ${server.url} could not test its accounts: ${asChatError(thrown).message}\n`,
    )
    return 1
  }
}

/** The upstreams and accounts that the configuration has and the running server does not have. */
function addedSince(
  { upstreams, toolServers }: Pick<RunningServer, 'upstreams'> & Pick<Report, 'toolServers'>,
  config: Config,
): readonly string[] {
  const known = new Set(upstreams.flatMap(({ accounts }) => accounts))
  const accounts = config.upstreams.flatMap(({ name, accounts }) =>
    accounts.filter(({ label }) => !known.has(label)).map(({ label }) => `${name} ${label}`),
  )
  const connected = new Set(toolServers.map(({ name }) => name))
  const servers = config.tools.servers.filter(({ name }) => !connected.has(name))
  return [...accounts, ...servers.map(({ name }) => `the MCP server ${name}`)]
}

function asTable({ findings, toolServers }: Report, now: number): string {
  const head = ['upstream', 'account', 'state', 'took', 'why', 'what to do']
  const { isTTY, columns } = process.stdout
  const width = isTTY ? columns : undefined
  const rows = findings.map((finding) => row(finding, now))
  const usedUp = usedUpLines(findings, now).map((line) => `${line}\n`)
  return `\n${table(head, rows, width)}${usedUp.join('')}${toolsTable(toolServers, width)}`
}

/** The members are always there, and keep their names and meanings. Only new ones may come. */
function asJson({ findings, toolServers, server, needs, problem }: Report, now: number): string {
  const accounts = findings.map((finding) => {
    const [upstream, account, state, , why, advice] = row(finding, now)
    const quota = quotaLine(finding.quota, now)
    return { upstream, account, works: !finding.error, state, took_ms: finding.tookMs, why, advice, quota }
  })
  const works = accounts.some((account) => account.works)
  const report = {
    works,
    version,
    server: server ?? null,
    problems: problem === undefined ? [] : [{ variable: null, problem, remedy: null }],
    needs: needs ?? null,
    accounts,
    used_up: usedUpLines(findings, now),
    tool_servers: toolsReport(toolServers),
  }
  return `${JSON.stringify(report, undefined, 2)}\n`
}

/** @returns a finding for every account of every upstream, in the order of the configuration */
async function examineAll(
  { upstreams, deadlines }: Config,
  shared: { readonly store: Store; readonly log: Logger; readonly runtime: Runtime },
): Promise<readonly Finding[]> {
  const options = { ...shared, deadlineMs: Math.min(maxTestMs, deadlines.firstEventMs) }
  const count = upstreams.reduce((sum, { accounts, supply }) => sum + accounts.length + (supply ? 1 : 0), 0)
  process.stderr.write(
    `Testing ${count === 1 ? 'one account' : `${count} accounts`}, at most ${options.deadlineMs / 1000} s each.\n`,
  )
  let known = 0
  const onFinding = (finding: Finding) => void process.stderr.write(`${++known}/${count} ${progressLine(finding)}`)
  return (await Promise.all(upstreams.map((upstream) => examine(upstream, options, onFinding)))).flat()
}

function logOf({ logLevel }: Config, runtime: Runtime): Logger {
  return openLog({
    runtime,
    level: logLevel === 'info' ? 'silent' : logLevel,
    format: 'json',
    write: (line) => void process.stderr.write(line),
  })
}

/** What is known of the terms of the services; a line only for those of which anything is. */
function termLines({ upstreams }: Config): string {
  return upstreams.map(({ name, terms }) => (terms ? `Terms of ${name}: ${describeTerms(terms)}\n` : '')).join('')
}

function serverLine({ name, status }: ToolServerState): string {
  return `MCP server ${name}: ${status}\n`
}

function needLine({ severity, kind, upstream, account }: ServerNeed): string {
  const about = [upstream, account].filter((name) => name !== null).map(redact)
  return `It needs somebody (${severity}): ${[kind.replaceAll('_', ' '), ...about].join(' ')}\n`
}

function progressLine({ upstream, account, error }: Finding): string {
  return `${upstream} ${account}: ${stateOf(error)}\n`
}

function row(finding: Finding, now: number): readonly string[] {
  const { upstream, account, model = '', tookMs, error } = finding
  const took = `${(tookMs / 1000).toFixed(1)} s`
  // the model's name comes from the upstream
  const quota = quotaLine(finding.quota, now)
  const why = error ? error.message : `${redact(model)} answered${quota && `; ${quota}`}`
  return [upstream, account, stateOf(error), took, why, adviceOn(finding)]
}

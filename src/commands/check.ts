import { resolve } from 'node:path'
import { describeTerms } from '../accounts/terms.ts'
import { callerOf } from '../chat/caller.ts'
import { redact } from '../chat/secret.ts'
import type { Config } from '../config/config.ts'
import { settingsInForce } from '../config/in-force.ts'
import type { Setting } from '../config/setting.ts'
import type { Runtime } from '../flow/runtime.ts'
import { modelsOf } from '../gateway/routes/route-tree.ts'
import { drawRoute, writeRoute } from '../gateway/routes/write-route.ts'
import { shippedSource } from '../usage/shipped-prices.ts'
import { findHostProblem } from './bind-failure.ts'
import { findLogFileProblem } from './log-output.ts'
import { table } from './table.ts'

/** sysexits.h: the configuration cannot be used. */
const configExit = 78

interface CheckOptions {
  readonly isJson: boolean
  readonly runtime: Runtime
}

/**
 * Shows the settings that a start would use, where they come from, and what would prevent the start. Changes nothing.
 */
export async function check(config: Config, { isJson, runtime }: CheckOptions): Promise<number> {
  const { problems, notes } = await config.state.inspect(runtime)
  const host = await findHostProblem(config.host, runtime.network)
  const log = config.logFile && findLogFileProblem(config.logFile.path)
  const all = [
    ...(host === undefined ? [] : [startProblem('HOST', host)]),
    ...(log === undefined ? [] : [startProblem('LOG_FILE', log)]),
    ...problems.map((problem) => startProblem('STATE_URL', problem)),
  ]
  process.stdout.write(isJson ? asJson(config, all, notes) : redact(asText(config, all, notes)))
  return all.length === 0 ? 0 : configExit
}

/** What would prevent the start, in the form of a wrong variable's problem. The sentence has its own remedy. */
interface StartProblem {
  readonly variable: string
  readonly problem: string
  readonly remedy: null
}

function startProblem(variable: string, problem: string): StartProblem {
  return { variable, problem, remedy: null }
}

function lineOf({ variable, problem }: StartProblem): string {
  return variable === 'HOST' ? `HOST: ${problem}` : problem
}

function asText(config: Config, problems: readonly StartProblem[], notes: readonly string[]): string {
  const rows = settingsInForce(config).map(({ name, value, origin }) => [name, formatValue(value), origin])
  const { isTTY, columns } = process.stdout
  const verdict =
    problems.length === 0
      ? 'The configuration is valid.\n'
      : `${problems.map((problem) => `problem: ${lineOf(problem)}\n`).join('')}A start would fail.\n`
  return [
    alignRows(summary(config)),
    table(['setting', 'value', 'from'], rows, isTTY ? columns : undefined),
    notes.map((note) => `note: ${note}\n`).join(''),
    verdict,
  ]
    .filter((part) => part !== '')
    .join('\n')
}

/** A value on one line. It is not shortened, even if it is long, such as a list of routes. */
function formatValue(value: string | undefined): string {
  return value?.replaceAll(/\s*\n\s*/g, '; ') ?? 'set, not shown'
}

function summary(config: Config): readonly (readonly [string, string])[] {
  const { host, port, keys, policy, deadlines, state, upstreams, routes, aliases, tools, envFile } = config
  return [
    ['reads', envFile === undefined ? 'no file: there is no .env here' : resolve(envFile)],
    ['listens on', `${host}:${port}`],
    [
      'client keys',
      keys.length > 0
        ? `${keys.length}, in the log as ${keys.map((key) => callerOf({ secret: key, role: 'admin' }).name).join(' ')}`
        : `none: ${policy.isPublic ? 'everybody who can reach it' : 'only this machine'} may use it`,
    ],
    ['body limit', `${config.maxBodyBytes} bytes`],
    [
      'deadlines',
      `first event ${deadlines.firstEventMs / 1000} s, whole reply ${deadlines.wholeMs / 1000} s, silence ${deadlines.idleMs / 1000} s`,
    ],
    ['state', state.description],
    ...upstreams.map((upstream): [string, string] => [`upstream ${upstream.name}`, describeUpstream(upstream)]),
    ...upstreams.map(({ name, terms }): [string, string] => [`terms of ${name}`, describeTerms(terms)]),
    ...routes.flatMap(({ name, tree }) =>
      drawRoute(tree).map((line, at): [string, string] => [at === 0 ? `route ${name}` : '', line]),
    ),
    ...[...aliases].map(([name, model]): [string, string] => [`alias ${name}`, model]),
    ...tools.servers.map(({ name, transport }): [string, string] => [`tools of ${name}`, transport]),
    ['prices', describePrices(config)],
  ]
}

function describePrices({ prices }: Config): string {
  const { package: name, version, date } = shippedSource()
  const own = prices.size > 0 ? `${prices.size} of PRICES_FILE, then those of ` : ''
  return `${own}${name} ${version}, published on ${date}`
}

function describeUpstream({ baseUrl, address, accounts, supply, models }: Config['upstreams'][number]): string {
  const labels = [...accounts.map(({ label }) => label), ...(supply ? ['anonymous accounts'] : [])]
  const listed = models ? models.map(({ id }) => id).join(', ') : 'as listed by the upstream'
  return `at ${baseUrl ?? address ?? 'this process'}; accounts ${labels.join(', ')}; models ${listed}`
}

function alignRows(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('')
}

function asJson(config: Config, problems: readonly StartProblem[], notes: readonly string[]): string {
  const { envFile, upstreams, routes, aliases, tools, warnings } = config
  const report = {
    valid: problems.length === 0,
    file: envFile === undefined ? null : resolve(envFile),
    settings: settingsInForce(config).map(asRow),
    upstreams: upstreams.map(({ name, baseUrl, address, accounts, models, terms }) => ({
      name,
      address: baseUrl ?? address ?? null,
      accounts: accounts.map(({ label }) => label),
      models: models?.map(({ id }) => id) ?? null,
      terms: terms ?? null,
    })),
    routes: routes.map(({ name, tree }) => ({
      name,
      expression: writeRoute(tree),
      members: modelsOf(tree).map((model) => model.name),
    })),
    aliases: [...aliases].map(([name, model]) => ({ name, model })),
    tools: tools.servers.map(({ name, transport }) => ({ name, transport })),
    prices: { ...shippedSource(), own: config.prices.size },
    problems,
    warnings,
    notes,
  }
  // each text alone: a secret may be a word that is the name of a member
  const redacted = (_name: string, value: unknown) => (typeof value === 'string' ? redact(value) : value)
  return `${JSON.stringify(report, redacted, 2)}\n`
}

function asRow({ name, value, origin }: Setting) {
  return { name, value: value ?? null, origin }
}

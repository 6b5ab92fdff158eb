import { Secret } from '../chat/secret.ts'
import { builtinServer } from '../tools/names.ts'
import type { HttpServer, StdioServer, ToolServerConfig, ToolsConfig } from '../tools/server-config.ts'
import type { Environment } from './environment.ts'
import { isHeader } from './is-header.ts'
import type { ServerEntry } from './mcp-servers.ts'
import { readExa, readServerUrl } from './read-exa.ts'
import { type ReportProblem, readGuardedFile } from './read-guarded-file.ts'
import { toolVariable } from './read-tool-variable.ts'
import { reveal, substitute } from './substitute.ts'

/** Loaded when it is needed, because zod costs much at the start (docs/decisions/0050-late-modules.md). */
const schemas = (): typeof import('./mcp-servers.ts') => require('./mcp-servers.ts')

/** The variables of the program's environment that a server's process gets. */
export type Inherited = Readonly<Partial<Record<'PATH' | 'HOME', string | undefined>>>

/**
 * Reads the MCP servers of `MCP_SERVERS`, and Exa's. A problem is reported with the server's name, never with a
 * value.
 */
export function readTools(environment: Environment, inherited: Inherited): ToolsConfig {
  const report = (problem: string, remedy: string) => environment.report({ variable: 'MCP_SERVERS', problem, remedy })
  const text = environment.text('MCP_SERVERS')
  const json = text === undefined || text.startsWith('{') ? text : readGuardedFile(text, serversFile, report)
  if (json !== undefined) environment.noteFile('MCP_SERVERS', json)
  const entries = json === undefined ? [] : entriesOf(json, report)
  const servers = entries.flatMap(([name, listed]) => readServer(name, listed, { environment, report, inherited }))
  const exa = readExa(environment)
  if (exa && servers.some(({ name }) => name === exa.name))
    report(
      `defines "${exa.name}", which EXA_API_KEY or EXA_MCP_URL adds too`,
      'give it another name, or unset the others',
    )
  return { servers: exa ? [...servers, exa] : servers }
}

const example = '{"mcpServers": {"files": {"command": "npx", "args": ["-y", "…"]}}}'
const serversFile = {
  maxMib: 1,
  unreadable: ['is neither JSON nor the path of a file that can be read', `for example ${example}`],
} as const

function entriesOf(json: string, report: ReportProblem): readonly (readonly [string, unknown])[] {
  try {
    return Object.entries(schemas().ServerList.parse(JSON.parse(json)).mcpServers)
  } catch {
    report('does not have JSON of the usual form', `for example ${example}`)
    return []
  }
}

interface ReadServerOptions {
  readonly environment: Environment
  readonly report: ReportProblem
  readonly inherited: Inherited
}

function readServer(name: string, listed: unknown, options: ReadServerOptions): ToolServerConfig[] {
  const { report } = options
  if (!/^[\x20-\x7e]{1,64}$/.test(name) || name === builtinServer) {
    report('has a server whose name cannot be used', `1 to 64 plain characters, and not "${builtinServer}"`)
    return []
  }
  const parsed = schemas().ServerEntry.safeParse(listed)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    report(`has an invalid value at "${[name, ...(issue?.path ?? [])].join('.')}"`, `for example ${example}`)
    return []
  }
  const { disabled, enabled, command, url, type } = parsed.data
  if (disabled || enabled === false) return []
  const problems: [string, string][] = []
  const fill = createFill(name, { ...options, report: (...problem) => void problems.push(problem) })
  const server =
    url === undefined && command !== undefined && (type ?? 'stdio') === 'stdio'
      ? stdioServer(name, command, { entry: parsed.data, fill, inherited: options.inherited })
      : command === undefined && url !== undefined && type !== 'stdio'
        ? httpServer(name, url, { entry: parsed.data, fill })
        : undefined
  for (const problem of problems) report(...problem)
  if (problems.length > 0) return []
  if (server) return [server]
  report(
    `has a server "${name}" that cannot be understood`,
    'either a command (with args, env, cwd), or an http or https url without a user (with headers)',
  )
  return []
}

/** Fills in the variables that a field of a server's entry names. @param path the field's path within the entry */
type Fill = (text: string, path: string) => Secret | string

function createFill(name: string, { environment, report }: ReadServerOptions): Fill {
  return (text, path) => {
    const filled = substitute(text, { environment, place: `${name}.${path}`, report })
    const [, header] = /^headers\.(.*)$/.exec(path) ?? []
    if (header !== undefined && !isHeader(header, reveal(filled)))
      report(`has something at "${name}.${path}" that does not fit into a header`, 'check the variables it names')
    return filled
  }
}

interface Filled {
  readonly entry: ServerEntry
  readonly fill: Fill
}

function stdioServer(
  name: string,
  command: string,
  { entry: { args = [], env = {}, cwd }, fill, inherited: { PATH, HOME } }: Filled & { readonly inherited: Inherited },
): StdioServer {
  const own = Object.entries(env).map(([variable, value]) => {
    const filled = fill(value, `env.${variable}`)
    return [variable, filled instanceof Secret ? filled : toolVariable(variable, filled)]
  })
  return {
    name,
    transport: 'stdio',
    command: reveal(fill(command, 'command')),
    args: args.map((arg, at) => fill(arg, `args.${at}`)),
    environment: {
      ...(PATH !== undefined && { PATH }),
      ...(HOME !== undefined && { HOME }),
      ...Object.fromEntries(own),
    },
    ...(cwd !== undefined && { folder: reveal(fill(cwd, 'cwd')) }),
  }
}

function httpServer(
  name: string,
  text: string,
  { entry: { type, headers = {} }, fill }: Filled,
): HttpServer | undefined {
  const filled = Object.entries(headers).map(([header, value]) => [header, reveal(fill(value, `headers.${header}`))])
  const url = readServerUrl(reveal(fill(text, 'url')))
  if (!url) return undefined
  // an entry for the older transport usually shows it only in the address
  const isSse = type === 'sse' || (type === undefined && url.pathname.endsWith('/sse'))
  return {
    name,
    transport: isSse ? 'sse' : 'http',
    url: new Secret(url.href),
    headers: Object.fromEntries(filled.map(([header = '', value = '']) => [header, headerSecret(value)])),
  }
}

/** A header's value as a secret. In `Bearer KEY` the key alone becomes a secret too. */
function headerSecret(value: string): Secret {
  const [, alone] = /^\S+ +(\S+)$/.exec(value) ?? []
  if (alone !== undefined) new Secret(alone)
  return new Secret(value)
}

import { type Config, type Misconfigured, readConfig } from './config.ts'
import { type EnvFile, readEnvFile } from './env-file.ts'
import type { Origins, RawVariables } from './environment.ts'

export interface LoadOptions {
  /** A file of `NAME=value` lines; without one `./.env` is read if it is there. */
  readonly envFile?: string | undefined
  /** What the command line sets, which wins over all else, by the variable's name. */
  readonly flags?: Readonly<Record<string, string>>
  /** Makes of what is set what is used; all of it is, unless said otherwise. */
  readonly choose?: (set: RawVariables) => RawVariables
}

/** Reads the file, the environment, which wins over it, and the command line, which wins over both. */
export function loadConfig({ envFile, flags = {}, choose = (set) => set }: LoadOptions = {}): Config | Misconfigured {
  const file = readEnvFile(envFile)
  if (file && !('path' in file)) return { problems: file }
  const set = { ...(file && withoutProxies(file)), ...process.env, ...flags }
  const chosen = choose(set)
  const used = file && { ...file, variables: file.variables.filter(({ name }) => chosen[name] === set[name]) }
  const config = readConfig(chosen, process.stdout.isTTY ?? false, originsOf(used, flags))
  if ('problems' in config || !file) return config
  return { ...config, envFile: file.path, warnings: [...file.warnings, ...config.warnings] }
}

/** From now on nothing on this machine is asked through a proxy: Bun looks at the process's environment each time. */
export function bypassProxies(): void {
  process.env.NO_PROXY = '127.0.0.1'
  process.env.no_proxy = '127.0.0.1'
}

const proxyVariables = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'])

/** Bun's fetch finds its proxy in the process's environment alone: one in a file is none. */
function withoutProxies({ variables }: EnvFile): RawVariables {
  return Object.fromEntries(
    variables.filter(({ name }) => !proxyVariables.has(name.toUpperCase())).map(({ name, value }) => [name, value]),
  )
}

/** From a checkout Bun has put the file's variables into the environment already: equal ones are taken for the file's. */
function originsOf(file: EnvFile | undefined, flags: Readonly<Record<string, string>>): Origins {
  const inFile = new Map(file?.variables.map(({ name, line }) => [name, `${file.path} line ${line}`]))
  const values = new Map(file?.variables.map(({ name, value }) => [name, value]))
  const winning = [...inFile].filter(([name]) => (process.env[name] ?? values.get(name)) === values.get(name))
  return {
    inFile,
    of: new Map([...winning, ...Object.keys(flags).map((name): [string, string] => [name, flagOf(name)])]),
  }
}

function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`
}

import { fstatSync } from 'node:fs'
import { type Config, type Misconfigured, readConfig } from './config.ts'
import { type EnvFile, readEnvFile } from './env-file.ts'
import type { Origins } from './setting.ts'
import type { RawVariables } from './spelled-values.ts'

export interface LoadOptions {
  /** A file of `NAME=value` lines; by default `./.env`, if it exists. */
  readonly envFile?: string | undefined
  /** Settings of the command line, by the variable's name. They win over all others. */
  readonly flags?: Readonly<Record<string, string>>
  /** Changes the variables before they are used. */
  readonly choose?: (set: RawVariables) => RawVariables
}

/** Reads the file, the environment and the command line. Each wins over the ones before it. */
export function loadConfig(options: LoadOptions = {}): Config | Misconfigured {
  return configReader(options)()
}

/** Returns a function that reads the configuration, and may be called again when the file has changed. */
export function configReader({
  envFile,
  flags = {},
  choose = (set) => set,
}: LoadOptions): () => Config | Misconfigured {
  let first: EnvFile | undefined
  return () => {
    const file = readEnvFile(envFile)
    if (file && !('path' in file)) return { problems: file }
    first ??= file
    const environment = environmentBeside(first)
    const set = { ...(file && withoutProxies(file)), ...environment, ...flags }
    const chosen = choose(set)
    const used = file && { ...file, variables: file.variables.filter(({ name }) => chosen[name] === set[name]) }
    const config = readConfig(chosen, isTerminal(), originsOf(used, { environment, flags }))
    return 'problems' in config || !file ? config : withFile(config, file)
  }
}

function withFile(config: Config, file: EnvFile): Config {
  return {
    ...config,
    envFile: file.path,
    warnings: [...file.warnings, ...config.warnings],
    withKept: (kept) => {
      const read = config.withKept(kept)
      return 'problems' in read ? read : withFile(read, file)
    },
  }
}

/** In a checkout Bun has already put the variables of the file into the environment, so equal values count as the file's. */
function environmentBeside(file: EnvFile | undefined): RawVariables {
  const inFile = new Map(file?.variables.map(({ name, value }) => [name, value]))
  return Object.fromEntries(Object.entries(process.env).filter(([name, value]) => inFile.get(name) !== value))
}

/** Node's stream of the output is loaded only if the output may be a terminal, because a server mostly has none. */
function isTerminal(): boolean {
  try {
    return fstatSync(1).isCharacterDevice() && process.stdout.isTTY === true
  } catch {
    return false // the output is closed
  }
}

/** From now on requests to this machine do not use a proxy. Bun reads the process's environment at each request. */
export function bypassProxies(): void {
  process.env.NO_PROXY = '127.0.0.1'
  process.env.no_proxy = '127.0.0.1'
}

const proxyVariables = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'])

/** Removes proxies from a file's variables, because Bun's fetch only finds one in the process's environment. */
function withoutProxies({ variables }: EnvFile): RawVariables {
  return Object.fromEntries(
    variables.filter(({ name }) => !proxyVariables.has(name.toUpperCase())).map(({ name, value }) => [name, value]),
  )
}

interface OtherPlaces {
  readonly environment: RawVariables
  readonly flags: Readonly<Record<string, string>>
}

function originsOf(file: EnvFile | undefined, { environment, flags }: OtherPlaces): Origins {
  const inFile = new Map(file?.variables.map(({ name, line }) => [name, `${file.path} line ${line}`]))
  const winning = [...inFile].filter(([name]) => environment[name] === undefined)
  return {
    inFile,
    of: new Map([...winning, ...Object.keys(flags).map((name): [string, string] => [name, flagOf(name)])]),
  }
}

function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`
}

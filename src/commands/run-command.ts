import type { Config, Misconfigured } from '../config/config.ts'
import { configReader } from '../config/load-config.ts'
import type { Runtime } from '../flow/runtime.ts'
import { version } from '../version.ts'
import { throughProxy } from '../wire/machine-network.ts'
import { type CommandLine, hintAt, readCommandLine } from './command-line.ts'
import { ignoreClosedOutput } from './ignore-closed-output.ts'
import { isWorker } from './worker.ts'

const help = `tributary ${version}: every upstream, one stream

Usage: tributary [command] [options]

  serve     answer at HOST and PORT (the default)
  check     show every setting, its source and every problem; exit 78 if there is a problem
  doctor    test every account once: its state, why, and what to do; a running server tests its own; exit 1 if none works
  models    print the models that would be served
  health    ask the running server for its health; exit 0 or 1
  keys      "keys add NAME" makes a client key, "keys list" and "keys revoke NAME"; "keys usage" is as usage
  accounts  "accounts list", "add UPSTREAM", "rest LABEL", "wake LABEL", "remove LABEL": the accounts of the running server
  usage     print what the client keys have used and what it cost; "usage NAME" is about one key
  state     write all that is kept to an encrypted file ("state export FILE"), or read it ("state import FILE"): the backup
  connect   print the settings with which a client, such as Codex or Claude Code, uses this gateway; --write writes them
  verify    check a log of LOG_CHAIN: "verify FILE"; exit 1 if a line was changed, added or is missing
  import    translate another gateway's settings: "import litellm CONFIG", "import one-api DB"; --write writes .env
  notify    send a test to every place of NOTIFY_URL; exit 1 if one does not take it
  replay    play an exported request back with emulators ("replay FILE"); exit 0 if the same comes out
  demo      serve with built-in emulators of all upstreams, without accounts or network; print examples
  upgrade   replace this executable by another file ("upgrade --from FILE"), and let the running server hand over to it
  systemd   print a hardened unit for systemd
  settings  print every setting with its default, as a commented .env
  help      print this; "help upstreams", or an upstream's name, explains how to get its credential
  version   print the version

  --env-file FILE   read NAME=value lines; the environment wins over them; by default ./.env, if it exists
  --host, --port    win over HOST and PORT
  --json            print the output of check, doctor, notify, usage and the lists as JSON
  --by, --from, --to, --csv   of usage: by day, model, upstream or key; the days; as CSV
  --models, --rpm, --tpm, --concurrent, --budget, --expires, --role, --owner   of "keys add": what the key may use
  --from-stdin, --force, --minutes   of "accounts add" and "accounts rest": where the credential comes from, keep it untested, how long
  --from, --sha256  of upgrade: the new executable, and its sum if there is no SHA256SUMS beside it
  --write           let connect change the client's file and keep the old one, or import write .env
  -h, --help, -v, --version

Everything else is set by environment variables: "tributary settings" prints them all.
`

interface RunOptions {
  readonly line: CommandLine
  readonly runtime: Runtime
  /** Reads the configuration again. */
  read(): Config | Misconfigured
}

/** Each command loads its modules when it runs: a container's health check runs all day and needs no server. */
const commands = {
  serve: async (config: Config, { runtime, read }: RunOptions) =>
    config.workers > 1 && !isWorker
      ? (await import('./run-workers.ts')).runWorkers(config, runtime)
      : (await import('./serve.ts')).serve(config, { runtime, read }),
  check: async (config: Config, { line: { isJson }, runtime }: RunOptions) =>
    (await import('./check.ts')).check(config, { isJson, runtime }),
  doctor: async (config: Config, { line: { isJson }, runtime }: RunOptions) =>
    (await import('./doctor.ts')).doctor(config, { isJson, runtime }),
  models: async (config: Config, { runtime }: RunOptions) => (await import('./models.ts')).models(config, runtime),
  health: async (config: Config, { runtime }: RunOptions) => (await import('./health.ts')).health(config, runtime),
  keys: async (config: Config, options: RunOptions) => (await import('./keys.ts')).keys(config, options),
  accounts: async (config: Config, options: RunOptions) => (await import('./accounts.ts')).accounts(config, options),
  usage: async (config: Config, { line, runtime }: RunOptions) =>
    (await import('./usage.ts')).usage(config, { line, runtime }),
  state: async (config: Config, { line, runtime }: RunOptions) =>
    (await import('./state.ts')).state(config, { line, runtime }),
  verify: async (config: Config, { line: { words, isJson } }: RunOptions) =>
    (await import('./verify.ts')).verify(config, { words, isJson }),
  upgrade: async (config: Config, { line, runtime }: RunOptions) =>
    (await import('./upgrade/upgrade.ts')).upgrade(config, { line, runtime }),
  notify: async (config: Config, { line: { isJson }, runtime }: RunOptions) =>
    (await import('./notify.ts')).notify(config, { isJson, runtime }),
  connect: async (config: Config, { line }: RunOptions) => (await import('./connect.ts')).connectClient(config, line),
}

/** These print a text and do not read the configuration. */
const texts = {
  help: async ({ words }: CommandLine) => {
    const isAboutCommand = words.every((word) => names.includes(word))
    return isAboutCommand ? help : (await import('./texts.ts')).topic(words)
  },
  version: async () => `${version}\n`,
  settings: async () => (await import('./texts.ts')).settings,
  systemd: async () => (await import('./texts.ts')).unit,
}

const names = [
  'serve',
  'check',
  'doctor',
  'models',
  'health',
  'keys',
  'accounts',
  'usage',
  'state',
  'connect',
  'verify',
  'import',
  'notify',
  'replay',
  'demo',
  'upgrade',
  'systemd',
  'settings',
  'help',
  'version',
]

/** sysexits.h: 64 for a wrong command line, 78 for a wrong configuration. */
const usageExit = 64
const configExit = 78

/** Runs the command that the arguments name. @returns the process's exit code */
export async function runCommand(args: readonly string[], runtime: Runtime): Promise<number> {
  const line = readCommandLine(args, names)
  if (typeof line === 'string') return fail(`${line}\n\n${help}`, usageExit)
  const { name, envFile, flags } = line
  const text = Object.entries(texts).find(([known]) => known === name)?.[1]
  if (text) return say(await text(line), line)
  // it has a gateway of its own, which knows nothing of the operator's settings
  if (name === 'import') return (await import('./import.ts')).importSettings(line, runtime)
  if (name === 'replay') return (await import('./replay/replay.ts')).replay(line.words, runtime)
  // no other command loads the emulators
  const demo = name === 'demo' ? await (await import('./demo.ts')).openDemo() : undefined
  const command = demo?.serve ?? Object.entries(commands).find(([known]) => known === name)?.[1] ?? commands.serve
  const read = configReader({ envFile, flags, ...(demo && { choose: demo.choose }) })
  const config = read()
  if ('problems' in config) return misconfigured(config, line)
  printWarnings(config)
  const options: RunOptions = { line, read, runtime: config.isProxied ? throughProxy(runtime) : runtime }
  return command(config, options)
}

function printWarnings({ warnings }: Config): void {
  // the parent of a worker has printed the same
  if (warnings.length === 0 || isWorker) return
  ignoreClosedOutput(process.stderr)
  process.stderr.write(warnings.map((warning) => `warning: ${warning}\n`).join(''))
}

/** The commands whose JSON says whether all is well, also if the configuration is wrong. */
const verdicts = [
  ['check', 'valid'],
  ['doctor', 'works'],
  ['notify', 'works'],
] as const

function misconfigured({ problems }: Misconfigured, { name, isJson }: CommandLine): number {
  // a container's health check only knows 0 and 1
  const exit = name === 'health' ? 1 : configExit
  const verdict = verdicts.find(([of]) => of === name)?.[1]
  if (verdict && isJson) process.stdout.write(`${JSON.stringify({ [verdict]: false, problems }, undefined, 2)}\n`)
  return fail(problemLines({ problems }), exit)
}

/** All problems, one per line. */
function problemLines({ problems }: Misconfigured): string {
  const lines = problems.map(({ variable, problem, remedy }) => `${variable} ${problem}: ${remedy}.`)
  return `The configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}; nothing was started.\n${lines.join('\n')}\n`
}

function say(text: string | undefined, { words }: CommandLine): number {
  if (text === undefined) {
    const near = hintAt(words[0] ?? '', ['settings', 'upstreams', ...names])
    return fail(`There is no help on "${words.join(' ')}".${near}\n\n${help}`, usageExit)
  }
  process.stdout.write(text)
  return 0
}

function fail(text: string, code: number): number {
  process.stderr.write(text)
  return code
}

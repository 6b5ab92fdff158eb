import { parseArgs } from 'node:util'
import { type Config, loadConfig, type Misconfigured } from '../config/config.ts'
import { version } from '../version.ts'

const help = `tributary ${version}: every upstream, one stream

Usage: tributary [command] [--env-file FILE]

  serve    answer at HOST and PORT (the default)
  check    validate the configuration without starting, and show it without its secrets
  doctor   try every configured account once: its state, why, and what to do; exit 1 if none works
  models   print the models that would be served
  health   ask the running server whether it is well; exit 0 or 1
  demo     serve before built-in emulators of every upstream: no account, no network; prints what to try

  --env-file FILE   read KEY=value lines before the environment, which wins; without it ./.env if there is one
  --version, --help

Everything else is set by environment variables: see docs/settings.md.
`

/** Each loads what it needs when it runs: a container's health check runs all day, and needs no server. */
const commands = {
  serve: async (config: Config) => (await import('./serve.ts')).serve(config),
  check: async (config: Config) => (await import('./check.ts')).check(config),
  doctor: async (config: Config) => (await import('./doctor.ts')).doctor(config),
  models: async (config: Config) => (await import('./models.ts')).models(config),
  health: async (config: Config) => (await import('./health.ts')).health(config),
}

/** sysexits.h: the command line is wrong, the configuration is wrong. */
const usageExit = 64
const configExit = 78

/** Runs what the arguments name. @returns the process's exit code */
export async function runCommand(args: readonly string[]): Promise<number> {
  const parsed = parse(args)
  if (typeof parsed === 'string') return fail(`${parsed}\n\n${help}`, usageExit)
  const { values, name } = parsed
  if (values.help) return say(help)
  if (values.version) return say(`${version}\n`)
  // only the demo needs the emulators: no other command loads them
  const demo = name === 'demo' ? await (await import('./demo.ts')).openDemo() : undefined
  const command = demo?.serve ?? Object.entries(commands).find(([known]) => known === name)?.[1]
  if (!command) return fail(`There is no command "${name}".\n\n${help}`, usageExit)
  const config = loadConfig(values['env-file'], demo?.choose)
  // a container's health check knows 0 and 1 only
  if ('problems' in config) return fail(problemLines(config), name === 'health' ? 1 : configExit)
  for (const warning of config.warnings) process.stderr.write(`warning: ${warning}\n`)
  return command(config)
}

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { 'env-file': { type: 'string' }, version: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    })
    if (positionals.length > 1) return `Only one command can be given, not ${positionals.length}.`
    return { values, name: positionals[0] ?? 'serve' }
  } catch (thrown) {
    // what follows its first sentence is about arguments that begin with a dash: we have none
    return thrown instanceof Error ? `${thrown.message.split('. ', 1)[0]}.` : 'The arguments are wrong.'
  }
}

/** Every problem, a line each. */
function problemLines({ problems }: Misconfigured): string {
  const lines = problems.map(({ variable, problem, remedy }) => `${variable} ${problem}: ${remedy}.`)
  return `The configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}; nothing was started.\n${lines.join('\n')}\n`
}

function say(text: string): number {
  process.stdout.write(text)
  return 0
}

function fail(text: string, code: number): number {
  process.stderr.write(text)
  return code
}

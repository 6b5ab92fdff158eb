import { asChatError } from '../chat/error.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import { ClientKeys } from '../keys/client-keys.ts'
import { type KeySettings, readKey } from '../keys/named-key.ts'
import type { CommandLine } from './command-line.ts'
import { urlOf } from './health.ts'
import { type KeyAdmin, keysOfServer } from './key-admin.ts'
import { openState } from './open-state.ts'
import { table } from './table.ts'

/** sysexits.h: a wrong command line. */
const usageExit = 64
const usageText = 'Usage: tributary keys add NAME [options] | list | revoke NAME | usage [NAME].'

interface KeysOptions {
  readonly line: CommandLine
  readonly runtime: Runtime
}

/** Lists, adds and revokes client keys, at the running server or else in the stored state. @returns the process's exit code */
export async function keys(config: Config, { line, runtime }: KeysOptions): Promise<number> {
  const [action, name, ...more] = line.words
  if (action === 'usage')
    return (await import('./usage.ts')).usage(config, { line: { ...line, words: line.words.slice(1) }, runtime })
  const isNamed = action === 'add' || action === 'revoke'
  if ((!isNamed && action !== 'list') || isNamed !== (name !== undefined) || more.length > 0)
    return fail(usageText, usageExit)
  const settings = action === 'add' ? readSettings(name, line) : undefined
  if (typeof settings === 'number') return settings
  const admin = (await keysOfServer(config, runtime)) ?? (await keysOfState(config, runtime))
  if (typeof admin === 'number') return admin
  try {
    if (settings) return printAdded(settings, await admin.add(settings))
    if (name === undefined) return printList(await admin.list(), line)
    await admin.revoke(name)
    process.stdout.write(`The key of ${name} is revoked.\n`)
    return 0
  } catch (thrown) {
    return fail(asChatError(thrown).message, 1)
  } finally {
    await admin.close()
  }
}

function readSettings(name: string | undefined, { values }: CommandLine): KeySettings | number {
  const { by: _, from: __, to: ___, ...given } = values
  const numbers = ['rpm', 'tpm', 'concurrent']
  const members = Object.entries(given).map(([option, value]) => [
    option,
    numbers.includes(option) ? Number(value) : value,
  ])
  try {
    return readKey({ name, ...Object.fromEntries(members) }).settings
  } catch (thrown) {
    return fail(asChatError(thrown).message, usageExit)
  }
}

async function keysOfState(config: Config, runtime: Runtime): Promise<KeyAdmin | number> {
  if (!config.state.isDurable)
    return fail(
      `No server answers at ${urlOf(config)}, and this configuration keeps its state in memory only. Start it, or set STATE_URL, or use API_KEYS_FILE.`,
      1,
    )
  const store = await openState(config, runtime)
  if (typeof store === 'number') return store
  const { namedKeys: configured } = config
  const stored = new ClientKeys({ configured, hasMasterKey: config.keys.length > 0, store, log: silent, runtime })
  return {
    list: async () => (await stored.list()).map(({ key: { hash: _, ...key }, source }) => ({ ...key, source })),
    add: async (settings) => (await stored.add(settings)).text,
    revoke: (name) => stored.remove(name),
    close: () => store.close(),
  }
}

const quiet = () => undefined
const silent: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => silent }

/** The key alone goes to the output, so that a script can take it. */
function printAdded({ name }: KeySettings, text: string): number {
  process.stderr.write(`The key of ${name}. It is shown only now, and only its hash is kept:\n`)
  process.stdout.write(`${text}\n`)
  return 0
}

const shown = ['name', 'role', 'models', 'rpm', 'tpm', 'concurrent', 'budget', 'expires', 'owner', 'source'] as const

function printList(listed: Awaited<ReturnType<KeyAdmin['list']>>, { isJson }: CommandLine): number {
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ keys: listed }, undefined, 2)}\n`)
    return 0
  }
  const { isTTY, columns } = process.stdout
  const rows = listed.map((key) => shown.map((column) => [key[column] ?? '–'].flat().join(', ')))
  const text = rows.length > 0 ? table(shown, rows, isTTY ? columns : undefined) : 'No key has a name.\n'
  process.stdout.write(text)
  return 0
}

function fail(text: string, code: number): number {
  process.stderr.write(`${text}\n`)
  return code
}

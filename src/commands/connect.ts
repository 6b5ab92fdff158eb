import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { GatewayAddress, Settings } from '../connect/client.ts'
import { clients } from '../connect/clients.ts'
import { clientFiles, type SettingsFile } from './client-files.ts'
import { hintAt } from './command-line.ts'
import { urlOf } from './health.ts'

export interface ConnectOptions {
  /** The client, and the model. */
  readonly words: readonly string[]
  /** Whether the client's own file is changed. */
  readonly isWrite: boolean
}

/** sysexits.h: 64 for a wrong command line, 73 for a file that cannot be written. */
const usageExit = 64
const cannotWriteExit = 73

/** Prints the settings with which a client uses this gateway, or writes them. @returns the process's exit code */
export async function connectClient(config: Config, { words, isWrite }: ConnectOptions): Promise<number> {
  const [name = '', model] = words
  const client = clients.find((known) => known.name === name)
  if (!client)
    return fail(
      name === ''
        ? usage()
        : `There is no client "${name}".${hintAt(
            name,
            clients.map((known) => known.name),
          )} ${usage()}`,
      usageExit,
    )
  const claudeAliases = [...config.aliases.keys()].filter((alias) => /claude|anthropic/.test(alias))
  const address = { url: urlOf(config), model: model ?? 'UPSTREAM/MODEL', claudeAliases }
  if (isWrite) return write({ name, address, hasModel: model !== undefined })
  process.stdout.write(textOf(client.settings(address)))
  if (config.keys.length === 0) process.stderr.write('The gateway has no key, so TRIBUTARY_KEY may be any word.\n')
  return 0
}

function usage(): string {
  return `Usage: tributary connect CLIENT [MODEL] [--write]. The clients: ${clients.map(({ name }) => name).join(', ')}.`
}

/** The settings one after the other. Each has a line about where it belongs, if there are several. */
function textOf(settings: readonly Settings[]): string {
  return settings
    .map((part) => {
      const text =
        part.kind === 'text' ? part.text : part.fields.map(([label, value]) => `${label}: ${value}\n`).join('')
      return settings.length === 1 && part.kind === 'text' ? text : `# ${placeOf(part)}\n${text}`
    })
    .join('\n')
}

function placeOf(part: Settings): string {
  if (part.kind === 'form') return part.path
  return typeof part.into === 'string' ? `in a ${part.into}` : part.into.file
}

interface Writing {
  readonly name: string
  readonly address: GatewayAddress
  readonly hasModel: boolean
}

async function write({ name, address, hasModel }: Writing): Promise<number> {
  const file = Object.hasOwn(clientFiles, name) ? clientFiles[name] : undefined
  if (!file)
    return fail(
      `The settings of ${name} cannot be written safely. Print them without --write, and paste them.`,
      usageExit,
    )
  if (!hasModel) return fail(`Name a model: tributary connect ${name} UPSTREAM/MODEL --write.`, usageExit)
  const path = join(homedir(), file.path)
  try {
    await change(path, { file, address })
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    return fail(`${path} was not changed: ${why}. Print the settings without --write, and paste them.`, cannotWriteExit)
  }
  process.stdout.write(`${path} is written. Set TRIBUTARY_KEY to a key of the gateway before you start ${name}.\n`)
  return 0
}

interface Change {
  readonly file: SettingsFile
  readonly address: GatewayAddress
}

/** Writes the file, keeps the old one beside it, and reads it again to be sure. */
async function change(path: string, { file, address }: Change): Promise<void> {
  const before = await readFile(path, 'utf8').catch((thrown: unknown) => {
    if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw thrown
  })
  const after = file.edit(before ?? '', address)
  if (before === after) return
  await mkdir(dirname(path), { recursive: true })
  if (before !== undefined) await copyFile(path, `${path}.before-tributary`)
  await writeFile(path, after)
  if ((await readFile(path, 'utf8')) !== after) throw new Error('it has other content than was written')
}

function fail(text: string, code: number): number {
  process.stderr.write(`${text}\n`)
  return code
}

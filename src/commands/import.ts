import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readConfig } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import { envLine } from '../imports/env-line.ts'
import type { ImportedSettings, ImportedVariable } from '../imports/finding.ts'
import { importLitellm } from '../imports/litellm.ts'
import { importOneApi } from '../imports/one-api.ts'
import type { CommandLine } from './command-line.ts'
import { readOneApiTables } from './read-one-api-tables.ts'

/** sysexits.h: a wrong command line, a file that cannot be read, and one that cannot be written. */
const [usageExit, inputExit, cannotWriteExit] = [64, 66, 73]
const usageText = 'Usage: tributary import litellm CONFIG [--write] | one-api DB [--write].'

const readers: Readonly<Record<string, (path: string, nowMs: number) => Promise<ImportedSettings>>> = {
  litellm: async (path) => importLitellm(Bun.YAML.parse(await readFile(path, 'utf8'))),
  'one-api': async (path, nowMs) => importOneApi(await readOneApiTables(path), nowMs),
}

const [envName, keysName] = ['.env', 'client-keys.json']

/**
 * Translates the settings of another gateway, and says what could not be carried over. Without `--write` nothing is written and no secret
 * is printed. @returns the process's exit code
 */
export async function importSettings(
  { words, isWrite, isJson }: CommandLine,
  runtime: Pick<Runtime, 'now'>,
): Promise<number> {
  const [kind = '', path, ...more] = words
  const reader = Object.hasOwn(readers, kind) ? readers[kind] : undefined
  if (!reader || path === undefined || more.length > 0) return fail(usageText, usageExit)
  let settings: ImportedSettings
  try {
    settings = checked(writable(await reader(path, runtime.now())))
  } catch (thrown) {
    return fail(`${path} cannot be imported: ${thrown instanceof Error ? thrown.message : String(thrown)}`, inputExit)
  }
  if (isWrite) {
    const taken = [envName, ...(settings.keys.length > 0 ? [keysName] : [])].find((name) => existsSync(name))
    if (taken !== undefined)
      return fail(`${resolve(taken)} exists already. Run this in an empty folder, or move it away.`, cannotWriteExit)
    await write(settings)
  }
  process.stdout.write(isJson ? asJson(settings) : asText(settings, isWrite))
  return 0
}

/** Adds what the configuration says of the translated settings. */
function checked(settings: ImportedSettings): ImportedSettings {
  const config = readConfig(Object.fromEntries(settings.variables), false)
  if (!('problems' in config)) return settings
  const problems = config.problems.map(({ variable, problem, remedy }) => ({
    place: variable,
    text: `This setting ${problem}: ${remedy}.`,
  }))
  return { ...settings, findings: [...settings.findings, ...problems] }
}

/** Leaves out what a line of `.env` cannot have, so that no value begins a line of its own. */
function writable(settings: ImportedSettings): ImportedSettings {
  const isWritable = ([name, value]: ImportedVariable) => envLine(name, value) !== undefined
  const findings = settings.variables
    .filter((variable) => !isWritable(variable))
    .map(([name]) => ({ place: name, text: 'Its value has signs that .env cannot have, so it was left out.' }))
  return {
    ...settings,
    variables: settings.variables.filter(isWritable),
    findings: [...settings.findings, ...findings],
  }
}

async function write({ variables, keys }: ImportedSettings): Promise<void> {
  const file = keys.length > 0 ? [['API_KEYS_FILE', keysName] as const] : []
  const lines = [...variables, ...file].flatMap(([name, value]) => envLine(name, value) ?? [])
  await writeFile(envName, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' })
  if (keys.length > 0)
    await writeFile(keysName, `${JSON.stringify({ keys }, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' })
}

function asText({ variables, keys, findings }: ImportedSettings, isWritten: boolean): string {
  const named = variables.map(([name, value]) => `  ${shownLine(name, value)}\n`)
  const found = findings.map(({ place, text }) => `  ${place}: ${text}\n`)
  const counted = `${variables.length} settings and ${keys.length} client keys`
  const next = isWritten
    ? `They are in ${envName}${keys.length > 0 ? ` and ${keysName}` : ''}. Next: tributary check, tributary doctor.\n`
    : `Nothing was written. With --write they go to ${envName}${keys.length > 0 ? ` and ${keysName}` : ''} in this folder.\n`
  return [
    `${counted} can be carried over:\n${named.join('')}`,
    found.length > 0 ? `\n${found.length} findings:\n${found.join('')}` : '\nNothing is left over.\n',
    `\n${next}`,
  ].join('')
}

/** Names and addresses are no secrets; everything else is hidden. */
const open = /(_URL|_MODELS|_API|_MAX_RPM|^ALIASES|^ROUTES|_TIMEOUT)$/

function shownLine(name: string, value: string): string {
  if (!open.test(name)) return `${name}=… (a secret)`
  return `${name}=${name.endsWith('_URL') ? shownUrl(value) : value}`
}

/** A password or a key may stand before the host and in the query. */
function shownUrl(value: string): string {
  const { protocol, host, pathname, username, password, search } = URL.parse(value) ?? {}
  if (host === undefined || username || password) return '… (a secret)'
  return `${protocol}//${host}${pathname}${search ? '?… (may have a secret)' : ''}`
}

function asJson({ variables, keys, findings }: ImportedSettings): string {
  const names = variables.map(([name]) => name)
  return `${JSON.stringify({ variables: names, keys: keys.map(({ name }) => name), findings }, undefined, 2)}\n`
}

function fail(text: string, code: number): number {
  process.stderr.write(`${text}\n`)
  return code
}

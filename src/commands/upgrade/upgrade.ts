import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Runtime } from '../../flow/runtime.ts'
import type { CommandLine } from '../command-line.ts'
import { isServing, urlOf } from '../health.ts'
import { createAsk } from '../running-server.ts'
import { ExecutableFile } from './executable-file.ts'
import { expectedSum } from './expected-sum.ts'

/** sysexits.h: a wrong command line. */
const usageExit = 64
/** Milliseconds for a restart: more than the server waits for its successor. */
const restartMs = 20_000
/** Milliseconds for the new file to print its version. */
const versionMs = 10_000

interface UpgradeOptions {
  readonly line: CommandLine
  readonly runtime: Runtime
}

/**
 * Replaces this executable by another file, whose sum is checked, and lets the running server hand over to it. If the new one is
 * not ready, the former file is put back.
 */
export async function upgrade(config: Config, { line, runtime }: UpgradeOptions): Promise<number> {
  const { from, sha256 } = line.values
  if (from === undefined) return fail('Write "upgrade --from FILE".', usageExit)
  if (!Bun.isStandaloneExecutable)
    return fail(
      'Only the single file can be upgraded. Update a clone with git, and a package with its package manager.',
    )
  const file = new ExecutableFile(realpathSync(process.execPath))
  const source = resolve(from)
  const problem = findFileProblem(source) ?? (await findServerProblem(config, runtime))
  if (problem !== undefined) return fail(`${problem} Nothing was changed.`)
  const expected = expectedSum(source, sha256)
  if (typeof expected === 'string') return fail(`${expected} Nothing was changed.`)
  try {
    const version = await checkDraft(file, source, expected.sum)
    if (!version.isRight) return fail(`${version.why} Nothing was changed.`)
    await file.replace()
    say(`${file.path} is now version ${version.text}; the former file is ${file.oldPath}.`)
    return await handOver(file, config, runtime)
  } catch (thrown) {
    return fail(explain(thrown, dirname(file.path)))
  } finally {
    file.dropDraft()
  }
}

function findFileProblem(path: string): string | undefined {
  if (!existsSync(path)) return `There is no file ${path}.`
  return statSync(path).isFile() ? undefined : `${path} is not a file.`
}

/** A server that cannot be told would go on with the former file, unnoticed. */
async function findServerProblem(config: Config, runtime: Runtime): Promise<string | undefined> {
  if (config.port === 0 || !(await isServing(config, runtime))) return undefined
  const { status } = await createAsk(config, runtime)('GET', '/admin/settings', restartMs)
  if (status === 200) return undefined
  return `The server at ${urlOf(config)} does not accept this command's key (HTTP ${status}). Set API_MASTER_KEY, or API_MASTER_KEY_FILE, as the server has it.`
}

type CheckedDraft =
  | { readonly isRight: true; readonly text: string }
  | { readonly isRight: false; readonly why: string }

/** Copies the file beside the executable, and checks the copy: its sum, and whether it runs on this machine. */
async function checkDraft(file: ExecutableFile, source: string, expected: string): Promise<CheckedDraft> {
  const sum = await file.draft(source)
  if (sum !== expected)
    return {
      isRight: false,
      why: `${source} has the SHA-256 sum ${sum}, but ${expected} was expected: it is damaged or another file.`,
    }
  const printed = await versionOf(file.draftPath)
  return printed === undefined
    ? { isRight: false, why: `${source} does not run on this machine. Choose the file for its system and processor.` }
    : { isRight: true, text: printed }
}

/** The version that an executable prints; undefined if it prints none. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const child = Bun.spawn([path, 'version'], {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
      timeout: versionMs,
    })
    const text = (await child.stdout.text()).trim()
    return (await child.exited) === 0 && /^\d+\.\d+\.\d+\S*$/.test(text) ? text : undefined
  } catch {
    // the system cannot run it
    return undefined
  }
}

/** Lets the running server hand over to the new file. @returns the exit code */
async function handOver(file: ExecutableFile, config: Config, runtime: Runtime): Promise<number> {
  if (config.port === 0 || !(await isServing(config, runtime))) {
    say(`No server answers at ${urlOf(config)}: the next start uses the new version.`)
    return 0
  }
  const { status, body } = await createAsk(config, runtime)('POST', '/admin/restart', restartMs, {})
  if (status === 200) return reportSuccess(file, body)
  const why = messageIn(body)
  // what the server cannot do, its service manager can
  if (status === 409 || status === 404) {
    say(`The running server goes on with the former version until it is restarted. ${why}`)
    return 0
  }
  file.putBack()
  return fail(`The new version did not take over: ${why}\n${file.path} is the former version again.`)
}

function reportSuccess({ path }: ExecutableFile, body: unknown): number {
  const { pid, executable } = fieldsOf(body)
  if (executable === path) say(`Process ${pid} has taken over with the new version.`)
  else say(`The server was restarted, but it runs ${executable}: upgrade that file.`)
  return executable === path ? 0 : 1
}

function messageIn(body: unknown): string {
  return String(fieldsOf(fieldsOf(body).error).message ?? 'It did not say why.')
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}

function explain(thrown: unknown, folder: string): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'no code'
  const why = thrown instanceof Error ? thrown.message : String(thrown)
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
    ? `This user may not change files in ${folder} (${code}). Run it as the owner of that folder, for example with sudo.`
    : `The upgrade has failed: ${why}`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function fail(text: string, code = 1): number {
  process.stderr.write(`${text}\n`)
  return code
}

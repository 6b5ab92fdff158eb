import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Runtime } from '../../flow/runtime.ts'
import type { Timers } from '../../flow/timers.ts'
import type { CommandLine } from '../command-line.ts'
import { urlOf } from '../health.ts'
import { ignoreClosedOutput } from '../ignore-closed-output.ts'
import { checkDraft } from './check-draft.ts'
import { ExecutableFile } from './executable-file.ts'
import { expectedSum } from './expected-sum.ts'
import { findRestartableServer, type RestartableServer, type RestartOutcome } from './restartable-server.ts'

/** sysexits.h: a wrong command line. */
const usageExit = 64

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
  // its reader must not end it when the file is replaced, but not yet in use
  for (const stream of [process.stdout, process.stderr]) ignoreClosedOutput(stream)
  const file = new ExecutableFile(realpathSync(process.execPath))
  const source = resolve(from)
  const problem = findFileProblem(source, file)
  if (problem !== undefined) return fail(`${problem} Nothing was changed.`)
  const server = await findRestartableServer(config, runtime)
  if (typeof server === 'string') return fail(`${server} Nothing was changed.`)
  const expected = expectedSum(source, sha256)
  if (typeof expected === 'string') return fail(`${expected} Nothing was changed.`)
  const at = { server, url: urlOf(config) }
  if (await file.isSame(expected.sum)) return await restartOnly(file, at)
  return await replace(file, { source, expected: expected.sum, timers: runtime.timers, ...at })
}

function findFileProblem(path: string, file: ExecutableFile): string | undefined {
  if (!existsSync(path)) return `There is no file ${path}.`
  if (!statSync(path).isFile()) return `${path} is not a file.`
  if (realpathSync(path) === file.draftPath) return `${path} is the name of the copy that is checked. Rename it.`
  return file.lock() ? undefined : `Another upgrade of ${file.path} is running. Wait for its end.`
}

interface ServerAddress {
  readonly server: RestartableServer | undefined
  /** Where the server is, or would be. */
  readonly url: string
}

/** The file has its place, perhaps by an upgrade that was killed before it told the server. */
async function restartOnly(file: ExecutableFile, { server, url }: ServerAddress): Promise<number> {
  say(`${file.path} is this file already, so it was not replaced.`)
  if (!server) return reportNoServer(url)
  const outcome = await server.restart()
  if (outcome.kind === 'failed') return fail(`The running server was not restarted: ${outcome.why}`)
  return report(file, outcome)
}

interface Replacement extends ServerAddress {
  readonly source: string
  /** The sum that the file must have. */
  readonly expected: string
  readonly timers: Timers
}

async function replace(file: ExecutableFile, { server, url, ...wanted }: Replacement): Promise<number> {
  let isReplaced = false
  try {
    const draft = await checkDraft(file, wanted)
    if (!draft.isRight) return fail(`${draft.why} Nothing was changed.`)
    holdOn()
    await file.replace()
    isReplaced = true
    say(`${file.path} is now version ${draft.version}; the former file is ${file.oldPath}.`)
    if (!server) return reportNoServer(url)
    const outcome = await server.restart()
    if (outcome.kind !== 'failed') return report(file, outcome)
    file.putBack()
    return fail(`The new version did not take over: ${outcome.why}\n${file.path} is the former version again.`)
  } catch (thrown) {
    const state = isReplaced
      ? `${file.path} is the new version, the former file is ${file.oldPath}.`
      : 'Nothing was changed.'
    return fail(`${explain(thrown, dirname(file.path))} ${state}`)
  } finally {
    file.dropDraft()
  }
}

/** From the replacement of the file until the server has judged it, an end would leave a version that nobody has tried. */
function holdOn(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => say('The upgrade cannot be stopped now. It ends by itself within half a minute.'))
}

function reportNoServer(url: string): number {
  say(`No server answers at ${url}: the next start uses the new version.`)
  return 0
}

function report({ path }: ExecutableFile, outcome: Exclude<RestartOutcome, { readonly kind: 'failed' }>): number {
  if (outcome.kind === 'impossible') {
    say(`The running server goes on with the former version until it is restarted. ${outcome.why}`)
    return 0
  }
  const { pid, executable = path } = outcome
  if (executable !== path) return fail(`The server was restarted, but it runs ${executable}: upgrade that file.`)
  say(`${pid === undefined ? 'Another process' : `Process ${pid}`} has taken over with the new version.`)
  return 0
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

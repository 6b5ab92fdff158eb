import type { Config } from '../config/config.ts'
import { chainKeyOf } from '../telemetry/log-chain.ts'
import { rotatedFiles } from '../telemetry/rotated-files.ts'
import { type ChainReport, ChainVerifier } from '../telemetry/verify-chain.ts'
import { table } from './table.ts'

/** sysexits.h: the command line is wrong; a file is missing. */
const usageExit = 64
const noInputExit = 66
/** Findings of a kind that are printed as text. */
const maxShown = 50

interface VerifyOptions {
  readonly words: readonly string[]
  readonly isJson: boolean
}

/**
 * Checks the chained log at these paths, each with the files that were set aside from it.
 * @returns the process's exit code: 1 if a line was changed, added, or is missing
 */
export async function verify({ stateSecrets }: Config, { words, isJson }: VerifyOptions): Promise<number> {
  if (words.length === 0) return fail('verify needs a file: tributary verify FILE\n', usageExit)
  const { secret, previous } = stateSecrets
  const verifier = new ChainVerifier([secret, previous].flatMap((key) => (key ? [chainKeyOf(key.reveal())] : [])))
  const files = (await Promise.all(words.map(filesOf))).flat()
  const missing = words.find((word) => !files.includes(word))
  if (missing !== undefined) return fail(`There is no file ${missing}.\n`, noInputExit)
  for (const file of files) await addFile(verifier, file)
  const report = verifier.report()
  process.stdout.write(isJson ? `${JSON.stringify({ files, ...report }, undefined, 2)}\n` : asText(files, report))
  return report.findings.length === 0 && report.chains.length > 0 ? 0 : 1
}

function fail(text: string, code: number): number {
  process.stderr.write(text)
  return code
}

async function filesOf(path: string): Promise<readonly string[]> {
  const aside = await rotatedFiles(path).catch(() => [])
  return (await Bun.file(path).exists()) ? [...aside, path] : []
}

async function addFile(verifier: ChainVerifier, file: string): Promise<void> {
  const decoder = new TextDecoder()
  let line = 0
  let rest = ''
  for await (const bytes of Bun.file(file).stream()) {
    const pieces = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = pieces.pop() ?? ''
    for (const text of pieces) verifier.add(text, { file, line: ++line })
  }
  verifier.add(rest, { file, line: line + 1 })
}

function asText(files: readonly string[], { lines, chains, findings, notes }: ChainReport): string {
  const rows = chains.map(({ chain, first, n, isEnded, isKeyed, seal }) => [
    chain,
    `${first}–${n}`,
    isEnded ? 'ended' : 'open',
    isKeyed ? 'STATE_SECRET' : 'nothing',
    seal,
  ])
  const shown = findings.slice(0, maxShown).map(({ file, line, text }) => `${placeOf(file, line)}${text}\n`)
  const more = findings.length > maxShown ? [`… and ${findings.length - maxShown} more: --json shows them\n`] : []
  return [
    `${files.length} ${files.length === 1 ? 'file' : 'files'}, ${lines} lines, ${chains.length} ${chains.length === 1 ? 'chain' : 'chains'}\n`,
    ...(rows.length > 0
      ? ['\n', table(['chain', 'lines', 'state', 'sealed with', 'last seal'], rows, undefined), '\n']
      : []),
    ...notes.slice(0, maxShown).map(({ file, line, text }) => `note: ${placeOf(file, line)}${text}\n`),
    ...shown,
    ...more,
    verdictOf(chains.length, findings.length),
  ].join('')
}

function placeOf(file: string | undefined, line: number | undefined): string {
  return file === undefined ? '' : `${file}:${line}: `
}

function verdictOf(chains: number, findings: number): string {
  if (chains === 0) return 'There is no chained line: LOG_CHAIN was off when this log was written.\n'
  if (findings > 0)
    return `${findings} ${findings === 1 ? 'finding' : 'findings'}: this is not the log that was written.\n`
  return 'No line was changed, added or removed from within a chain. An open chain may have lost its end.\n'
}

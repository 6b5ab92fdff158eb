import { readFileSync } from 'node:fs'
import { openApp } from '../../app.ts'
import { ChatError } from '../../chat/error.ts'
import { readConfig } from '../../config/config.ts'
import { bypassProxies } from '../../config/load-config.ts'
import { CancelSource } from '../../flow/cancel.ts'
import type { Runtime } from '../../flow/runtime.ts'
import { sleep } from '../../flow/wait.ts'
import { MemoryStore } from '../../state/memory/memory-store.ts'
import { openLog } from '../../telemetry/log.ts'
import { send } from '../../wire/http.ts'
import { table } from '../table.ts'
import { type ExportedAttempt, type ExportedRequest, readExport, readPlayable } from './read-export.ts'
import { replayedModel, type Stage, stage, variablesFor } from './stage.ts'

/** sysexits.h: wrong data, and a file that cannot be opened. */
const [dataExit, fileExit, usageExit] = [65, 66, 64]

/**
 * Plays an exported request back: emulators do what its upstreams did, and a real gateway answers it.
 * @returns 0 if the same came out
 */
export async function replay([file, ...more]: readonly string[], runtime: Runtime): Promise<number> {
  if (file === undefined || more.length > 0) return fail('Name one file: tributary replay FILE\n', usageExit)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (thrown) {
    return fail(`${file} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`, fileExit)
  }
  let recorded: ExportedRequest
  try {
    recorded = readPlayable(text)
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return fail(`${file} cannot be played back: ${thrown.message}\n`, dataExit)
  }
  bypassProxies()
  const staged = stage(recorded)
  const played = await playBack(recorded, staged, runtime)
  const rows = compare(recorded, renamed(played, staged))
  process.stdout.write(table(['', 'recorded', 'played back'], rows, process.stdout.columns || undefined))
  const isSame = rows.every(([, before, after]) => before === after)
  process.stdout.write(isSame ? '\nThe same came out.\n' : '\nSomething else came out.\n')
  return isSame ? 0 : 1
}

function fail(text: string, code: number): number {
  process.stderr.write(text)
  return code
}

async function playBack(recorded: ExportedRequest, staged: Stage, runtime: Runtime): Promise<ExportedRequest> {
  const { answerText, emulateRecorded } = await import('./emulator/index.ts')
  const client = new CancelSource(runtime)
  const text = answerText(recorded)
  const leaves = (attempt: ExportedAttempt) => {
    if (attempt.outcome === 'client_closed' && !attempt.hasBegun) client.abort('the client leaves')
  }
  // the first one states the tokens of all
  const emulators = await Promise.all(
    staged.upstreams.map(async (upstream, at) => {
      const usage =
        recorded.usage && (at === 0 || !recorded.isPanel ? recorded.usage : { inputTokens: 0, outputTokens: 0 })
      return { upstream, emulator: await emulateRecorded(upstream, { text, usage }, leaves) }
    }),
  )
  const urlOf = (wanted: Stage['upstreams'][number]) =>
    emulators.find(({ upstream }) => upstream === wanted)?.emulator.url ?? ''
  const config = readConfig(variablesFor(staged, urlOf, recorded), false)
  if ('problems' in config) throw new ChatError('internal', { message: JSON.stringify(config.problems) })
  const log = openLog({ runtime, level: 'silent', format: 'json', write: () => undefined })
  const app = openApp(config, log, new MemoryStore({ runtime }), { runtime })
  try {
    await ask(app.url, recorded, client)
    return await exported(app.url, runtime)
  } finally {
    await app.close()
    await Promise.all(emulators.map(({ emulator }) => emulator.close()))
  }
}

const limits = { connectMs: 2_000, headMs: 60_000 }
const maxExportBytes = 4 * 1024 * 1024

/** The id of the request in the gateway that plays it back. */
const id = 'replay'

/** Sends the request, and leaves when the client left. */
async function ask(url: string, { stream, outcome, attempts }: ExportedRequest, client: CancelSource): Promise<void> {
  const leavesLater = outcome === 'client_closed' && attempts.some(({ hasBegun }) => hasBegun)
  const messages = [{ role: 'user', content: 'This request was recorded.' }]
  try {
    const reply = await send(
      {
        method: 'POST',
        url: `${url}/v1/chat/completions`,
        headers: { 'content-type': 'application/json', 'x-request-id': id },
        body: JSON.stringify({ model: replayedModel, stream, messages }),
        isOwn: true,
        limits,
      },
      client,
    )
    for await (const _ of reply.body) if (leavesLater) client.abort('the client leaves')
  } catch (thrown) {
    if (!client.aborted) throw thrown
  }
}

/** Milliseconds between two looks whether the request has ended, and how often they are taken. */
const [lookMs, looks] = [20, 500]

/** The request as its gateway exports it, when all of it has ended. */
async function exported(url: string, runtime: Runtime): Promise<ExportedRequest> {
  const signal = new CancelSource(runtime)
  for (let look = 0; look < looks; look++) {
    const request = {
      method: 'GET',
      url: `${url}/admin/requests/${id}/export`,
      headers: {},
      isOwn: true,
      limits,
    } as const
    const reply = await send(request, signal)
    const text = await reply.text(maxExportBytes)
    if (reply.status === 200 && !text.includes('"outcome":null')) return readExport(text)
    await sleep(lookMs, signal)
  }
  throw new ChatError('internal', { message: 'The request that was played back has not ended.' })
}

/** Gives the upstreams the names that they had. */
function renamed(played: ExportedRequest, { upstreams }: Stage): ExportedRequest {
  const nameOf = (name: string) => upstreams.find((upstream) => upstream.name === name)?.recorded ?? name
  return { ...played, attempts: played.attempts.map((attempt) => ({ ...attempt, upstream: nameOf(attempt.upstream) })) }
}

type Row = readonly [what: string, recorded: string, played: string]

function compare(recorded: ExportedRequest, played: ExportedRequest): readonly Row[] {
  const [before, after] = [attemptsOf(recorded, recorded.isPanel), attemptsOf(played, recorded.isPanel)]
  const attempts = Array.from({ length: Math.max(before.length, after.length) }, (_, at): Row => {
    return [at === 0 ? 'attempts' : '', before[at] ?? '–', after[at] ?? '–']
  })
  const seams: Row[] =
    recorded.seams + played.seams > 0 ? [['continued', String(recorded.seams), String(played.seams)]] : []
  // the tokens of an answer that broke off are estimated from its text
  const tokens: Row[] = recorded.usage && recorded.seams === 0 ? [['tokens', tokensOf(recorded), tokensOf(played)]] : []
  return [['outcome', recorded.outcome, played.outcome], ...attempts, ...seams, ...tokens]
}

/** The members of a panel begin together, so their order says nothing. */
function attemptsOf({ attempts }: ExportedRequest, isSorted: boolean): readonly string[] {
  const shown = attempts.map(({ upstream, outcome, hasBegun }) => {
    return `${upstream}: ${outcome}${hasBegun && outcome !== 'ok' ? ' after a part' : ''}`
  })
  return isSorted ? shown.sort() : shown
}

function tokensOf({ usage }: ExportedRequest): string {
  return usage ? `${usage.inputTokens} in, ${usage.outputTokens} out` : 'unknown'
}

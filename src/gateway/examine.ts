import type { Account } from '../accounts/account.ts'
import { type AccountsOptions, LiveAccount } from '../accounts/live-account.ts'
import { openPool } from '../accounts/open-pool.ts'
import type { Pool } from '../accounts/pool.ts'
import { withAccount } from '../accounts/with-account.ts'
import { anybody } from '../chat/caller.ts'
import { asChatError, ChatError } from '../chat/error.ts'
import type { Model } from '../chat/model.ts'
import { kindOf } from '../chat/model-kind.ts'
import type { QuotaReport, QuotaWindow } from '../chat/quota.ts'
import type { ChatRequest } from '../chat/request.ts'
import { noThread } from '../chat/thread.ts'
import { Attempts } from '../flow/attempts.ts'
import { type Logger, newReceipt } from '../flow/call.ts'
import { type Cancel, CancelSource } from '../flow/cancel.ts'
import { fold } from '../flow/fold.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Upstream } from '../providers/provider.ts'
import type { DriftLog } from './drift-log.ts'

/** The result of a test of an account. */
export interface Finding {
  readonly upstream: string
  readonly account: string
  /** The model that was asked; undefined if none was. */
  readonly model: string | undefined
  /** Milliseconds until the answer was complete, or until the failure. */
  readonly tookMs: number
  /** Why it does not work; undefined if it works. */
  readonly error: ChatError | undefined
  /** What the reply says of the account's limits. */
  readonly quota: readonly QuotaWindow[]
}

export interface ExamineOptions extends AccountsOptions {
  /** Milliseconds for one account, from its renewal to the end of its answer. */
  readonly deadlineMs: number
  /** The accounts of a running gateway. Without it the test makes its own. */
  readonly pool?: Pool
  readonly drifts?: DriftLog
}

/**
 * Tests every account of an upstream at the same time, with one short request like a client's. If accounts are made
 * on demand and there is none yet, one is made for the test.
 * @param onFinding called with each finding at once
 * @returns all findings, in the order of the configuration
 */
export async function examine(
  upstream: Upstream,
  options: ExamineOptions,
  onFinding: (finding: Finding) => void = () => undefined,
): Promise<readonly Finding[]> {
  const { name, accounts, supply } = upstream
  const { log, runtime, deadlineMs, pool, drifts } = options
  const liveAccounts =
    pool?.accounts() ?? accounts.map((account) => new LiveAccount(account, { ...options, upstream: name }))
  // the pool makes only the tested account, because a service counts new accounts
  const ownPool = pool ? undefined : supply && openPool({ name, accounts: [], supply: { ...supply, min: 0 } }, options)
  const supplyPool = ownPool ?? (supply && liveAccounts.length === 0 ? pool : undefined)
  const subjects: readonly Subject[] = [
    ...liveAccounts.map((live) => ({ label: live.label, open: () => live })),
    ...(supplyPool
      ? [{ label: 'anonymous', open: (signal: Cancel) => supplyPool.pick({ tried: new Set() }, signal) }]
      : []),
  ].map((subject) => ({ ...subject, upstream, log, runtime, deadlineMs, pool, drifts }))
  const findings = subjects.map(async (subject) => {
    const finding = await examineAccount(subject)
    onFinding(finding)
    return finding
  })
  return Promise.all(findings).finally(() => ownPool?.close())
}

interface Subject {
  readonly upstream: Upstream
  readonly label: string
  readonly log: Logger
  readonly runtime: Runtime
  readonly deadlineMs: number
  readonly pool: Pool | undefined
  readonly drifts: DriftLog | undefined
  open(signal: Cancel): LiveAccount | Promise<LiveAccount>
}

async function examineAccount({
  upstream,
  label,
  log,
  runtime,
  deadlineMs,
  pool,
  drifts,
  open,
}: Subject): Promise<Finding> {
  const begunAt = runtime.elapsed()
  const limit = new CancelSource(runtime)
  const late = new ChatError('timeout', { message: `There was no answer within ${deadlineMs / 1000} s.` })
  const timer = runtime.timers.set(deadlineMs, () => limit.abort(late))
  let model: string | undefined
  let live: LiveAccount | undefined
  let quota: QuotaReport | undefined
  const finding = (error?: ChatError): Finding => {
    const tookMs = Math.round(runtime.elapsed() - begunAt)
    return { upstream: upstream.name, account: label, model, tookMs, error, quota: quota?.windows() ?? [] }
  }
  try {
    live = await open(limit)
    await withAccount(live, limit, async (account) => {
      model = await modelOf(upstream, account, limit)
      const counts = { attempts: new Attempts(), receipt: newReceipt() }
      const call = {
        id: 'doctor',
        caller: { ...anybody, id: 'doctor', name: 'doctor' },
        hops: 0,
        signal: limit,
        log,
        ...counts,
        noteDrift: drifts?.noterFor(upstream.name, undefined),
        noteQuota: (report: QuotaReport) => {
          quota = report
          if (live && model !== undefined) pool?.noteQuota(live, report, model)
        },
      }
      // the answer must be complete, but its text does not matter
      const answer = fold(upstream.chat(question(model), { ...call, account, thread: noThread }))
      await answer.catch(async (thrown) => {
        throw (await faultyAddress(upstream, account, { thrown, signal: limit })) ?? thrown
      })
    })
    pool?.wake(live)
    return finding()
  } catch (thrown) {
    const error = asChatError(thrown)
    if (live) pool?.reportFailure(live, error, model)
    return finding(error)
  } finally {
    timer.stop()
  }
}

/**
 * Requests the list of models after a chat got status 404, unless it was requested before. Its failure may show that
 * the address is wrong.
 */
async function faultyAddress(
  upstream: Upstream,
  account: Account,
  { thrown, signal }: { readonly thrown: unknown; readonly signal: Cancel },
): Promise<ChatError | undefined> {
  if (!upstream.models || asChatError(thrown).upstreamStatus !== 404) return undefined
  try {
    await upstream.listModels?.(account, signal)
    return undefined
  } catch (listing) {
    const error = asChatError(listing)
    return error.code === 'upstream_address' ? error : undefined
  }
}

async function modelOf(upstream: Upstream, account: Account, signal: Cancel): Promise<string> {
  const models: readonly Model[] = upstream.models ?? (await upstream.listModels?.(account, signal)) ?? []
  const model = models.find((one) => kindOf(one) === 'chat') ?? models[0]
  if (model) return model.id
  throw new ChatError('model-not-found', {
    message: 'The upstream lists no models. Name one in its …_MODELS variable.',
  })
}

/** A request like a client's. */
function question(model: string): ChatRequest {
  return {
    dialect: 'tributary',
    model,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Answer with the one word: ready' }] }],
    parameters: {},
    spelling: {},
    extra: {},
    stream: true,
  }
}

import type { Account } from '../accounts/account.ts'
import { type AccountsOptions, LiveAccount } from '../accounts/live-account.ts'
import { openPool } from '../accounts/open-pool.ts'
import type { Pool } from '../accounts/pool.ts'
import { withAccount } from '../accounts/with-account.ts'
import { anybody } from '../chat/caller.ts'
import { asChatError, ChatError } from '../chat/error.ts'
import type { Model } from '../chat/model.ts'
import { kindOf } from '../chat/model-kind.ts'
import type { ChatRequest } from '../chat/request.ts'
import { noThread } from '../chat/thread.ts'
import { Attempts } from '../flow/attempts.ts'
import { type Logger, newReceipt } from '../flow/call.ts'
import { type Cancel, CancelSource } from '../flow/cancel.ts'
import { fold } from '../flow/fold.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Upstream } from '../providers/provider.ts'

/** What came of trying an account. */
export interface Finding {
  readonly upstream: string
  readonly account: string
  /** The model that was asked, once there was one to ask. */
  readonly model: string | undefined
  /** Milliseconds until the answer was complete, or until it was clear that there would be none. */
  readonly tookMs: number
  /** Why it does not work; undefined where it does. */
  readonly error: ChatError | undefined
}

export interface ExamineOptions extends AccountsOptions {
  /** Milliseconds for one account, from its renewal to its answer's end. */
  readonly patienceMs: number
  /** The accounts that serve at the moment, where they do; otherwise there are none but those that are tried. */
  readonly pool?: Pool
}

/**
 * Tries every account of an upstream, all at once, with one short exchange as a client would have it. Of accounts that are
 * made as they are needed one is tried.
 * @param told is called with each as soon as it is known
 * @returns all of them, in the order in which they are configured
 */
export async function examine(
  upstream: Upstream,
  options: ExamineOptions,
  told: (finding: Finding) => void = () => undefined,
): Promise<readonly Finding[]> {
  const { name, accounts, supply } = upstream
  const { log, runtime, patienceMs, pool } = options
  const every = pool?.accounts() ?? accounts.map((account) => new LiveAccount(account, { ...options, upstream: name }))
  // no more than the one that is tried: a service counts them
  const ownMade = pool ? undefined : supply && openPool({ name, accounts: [], supply: { ...supply, min: 0 } }, options)
  const made = ownMade ?? (supply && every.length === 0 ? pool : undefined)
  const subjects: readonly Subject[] = [
    ...every.map((live) => ({ label: live.label, open: () => live })),
    ...(made ? [{ label: 'anonymous', open: (signal: Cancel) => made.pick({ tried: new Set() }, signal) }] : []),
  ].map((subject) => ({ ...subject, upstream, log, runtime, patienceMs, pool }))
  const findings = subjects.map(async (subject) => {
    const finding = await examined(subject)
    told(finding)
    return finding
  })
  return Promise.all(findings).finally(() => ownMade?.close())
}

interface Subject {
  readonly upstream: Upstream
  readonly label: string
  readonly log: Logger
  readonly runtime: Runtime
  readonly patienceMs: number
  readonly pool: Pool | undefined
  open(signal: Cancel): LiveAccount | Promise<LiveAccount>
}

async function examined({ upstream, label, log, runtime, patienceMs, pool, open }: Subject): Promise<Finding> {
  const begunAt = runtime.elapsed()
  const limit = new CancelSource(runtime)
  const late = new ChatError('timeout', { message: `There was no answer within ${patienceMs / 1000} s.` })
  const timer = runtime.timers.set(patienceMs, () => limit.abort(late))
  let model: string | undefined
  let live: LiveAccount | undefined
  const finding = (error?: ChatError): Finding => {
    const tookMs = Math.round(runtime.elapsed() - begunAt)
    return { upstream: upstream.name, account: label, model, tookMs, error }
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
      }
      // what it says is not the question, only that it says it to its end
      const answer = fold(upstream.chat(question(model), { ...call, account, thread: noThread }))
      await answer.catch(async (thrown) => {
        throw (await faultyAddress(upstream, account, { thrown, signal: limit })) ?? thrown
      })
    })
    pool?.reportSuccess(live)
    return finding()
  } catch (thrown) {
    const error = asChatError(thrown)
    if (live) pool?.reportFailure(live, error)
    return finding(error)
  } finally {
    timer.stop()
  }
}

/** What the list of models says of the address, where a chat found nothing there and the list was not needed before. */
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
    message: 'The upstream lists no model. Name one in its …_MODELS variable.',
  })
}

/** As a client would ask. */
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

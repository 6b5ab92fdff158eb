import type { Pool } from '../accounts/pool.ts'
import type { SharedPools } from '../accounts/shared-pools.ts'
import type { Model } from '../chat/model.ts'
import type { Logger } from '../flow/call.ts'
import type { Chat, ObserverLayer } from '../flow/chat.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Upstream } from '../providers/provider.ts'
import type { Store } from '../state/store.ts'
import type { AnswerListener, AttemptListener } from './call-record.ts'
import { resume } from './continuation/resume.ts'
import type { CostOf } from './cost-of.ts'
import { countTokens } from './count-tokens.ts'
import type { DriftLog } from './drift-log.ts'
import { Emulation, type EmulationMode, emulatedSupport } from './emulated-tools/emulation.ts'
import { emulateTools } from './emulated-tools/layer.ts'
import { AccountProber } from './health/account-prober.ts'
import { Prober } from './health/prober.ts'
import { UpstreamHealth } from './health/upstream-health.ts'
import type { Candidate } from './known-models.ts'
import { account, type WithAccount } from './layers/account.ts'
import { bindExtra } from './layers/bind-extra.ts'
import { breaker, countOutcomes } from './layers/breaker.ts'
import { callExtra } from './layers/call-extra.ts'
import { choices } from './layers/choices.ts'
import { type Deadlines, deadline } from './layers/deadline.ts'
import { estimate } from './layers/estimate.ts'
import { limit } from './layers/limit.ts'
import { noteCache } from './layers/note-cache.ts'
import { pace } from './layers/pace.ts'
import { retry } from './layers/retry.ts'
import { RetryBudget } from './layers/retry-budget.ts'
import { support } from './layers/support.ts'
import { thread } from './layers/thread.ts'
import { Permits } from './permits.ts'
import { buildTasks } from './tasks.ts'
import type { UpstreamParts } from './upstream-parts.ts'

/** Milliseconds for which services keep a prompt in their cache, where their provider does not say. It is the shortest life of those that say. */
const usualCacheMs = 300_000

/** What the layers around every upstream need. */
export interface ChainSettings {
  readonly deadlines: Deadlines
  /** Stores accounts and threads. */
  readonly store: Store
  /** Milliseconds for which the thread of a conversation, and what an upstream said of its calls, is remembered. */
  readonly threadTtlMs: number
  /** Where tools and JSON formats are emulated; `api` by default. */
  readonly emulateTools?: EmulationMode
  /** Gets what each answer of an upstream has used. */
  readonly onAnswer?: AnswerListener | undefined
  readonly log: Logger
  readonly runtime: Runtime
}

interface ChainOptions extends ChainSettings {
  readonly pools: SharedPools
  readonly costOf?: CostOf | undefined
  readonly drifts: DriftLog
  /** Gets each attempt when it has ended. */
  readonly onAttempt?: AttemptListener | undefined
  /** What is known of a model. */
  modelOf(candidate: Candidate): Model
}

/**
 * Builds the layers around one upstream: `breaker → limit → bind extra → call extra → support → resume → estimate → deadline →
 * choices → retry → outcomes → thread → account → emulated tools → pace → upstream`.
 */
export function buildChain(upstream: Upstream, options: ChainOptions): UpstreamParts {
  const { deadlines, store, pools, threadTtlMs, emulateTools: mode = 'api', modelOf, log, runtime } = options
  const { onAnswer, onAttempt, costOf, drifts } = options
  const { name, support: offered } = upstream
  const { pool, leave } = pools.enter(upstream)
  const known = (model: string) => modelOf({ member: { upstream, pool }, model })
  const lacksTools = (model: string) => known(model).takesTools === false
  const emulation = new Emulation(upstream, { mode, runtime, lacksTools })
  const health = new UpstreamHealth({ log: log.child({ upstream: name }), runtime })
  const probers = [
    new Prober({ upstream, pool, health, log: log.child({ upstream: name }), runtime }),
    new AccountProber({ upstream, pool, runtime }),
  ]
  const [budget, permits] = [new RetryBudget(runtime), new Permits()]
  const paced = pace(name, upstream.maxRpm)
  const withAccounts = askWithAccount(upstream, { pool, paced, emulation, onAttempt, drifts })
  const withThreads = upstream.keepsThreads
    ? thread({ store, upstream: name, ttlMs: threadTtlMs })(withAccounts)
    : withAccounts
  const withRetry = retry(budget)(countOutcomes(health)(withThreads))
  const withDeadline = deadline(deadlines)(choices(offered)(withRetry))
  const estimated = estimate({ countTokens, upstream: name, onAnswer, costOf })(withDeadline)
  const resumed = resume({ upstream, modelOf: known, countTokens })(estimated)
  const remedy = upstream.isWebProduct && mode === 'api' ? ' EMULATE_TOOLS=all emulates tools here too.' : ''
  const plain = support(name, offered, remedy)(resumed)
  const emulated = emulation.isAllowed ? support(name, emulatedSupport(offered))(resumed) : plain
  const supported: Chat = (request, call) => (request.wishes?.emulate === false ? plain : emulated)(request, call)
  const chat = callExtra({ store, upstream: name, support: offered, ttlMs: threadTtlMs })(supported)
  const listeners = { onAnswer, onAttempt, costOf, drifts }
  const tasks = buildTasks(upstream, { pool, paced, budget, permits, health, deadlines, ...listeners })
  const guarded = breaker(health)(limit(permits)(bindExtra(name)(chat)))
  const close = () => {
    for (const prober of probers) prober.close()
    leave()
  }
  return { upstream, pool, budget, permits, health, emulation, chat: guarded, tasks, close }
}

interface AccountLayers {
  readonly pool: Pool
  readonly paced: ObserverLayer
  readonly emulation: Emulation
  readonly onAttempt: AttemptListener | undefined
  readonly drifts: DriftLog
}

/** The layers from the account to the upstream. */
function askWithAccount(upstream: Upstream, { pool, paced, emulation, onAttempt, drifts }: AccountLayers) {
  const { name } = upstream
  const askUpstream: Chat<WithAccount> = (request, call) => upstream.chat(request, call)
  const cacheMs = upstream.cacheMs ?? (upstream.isWebProduct ? 0 : usualCacheMs)
  const withEmulation = emulation.isAllowed ? emulateTools(emulation, name)(paced(askUpstream)) : paced(askUpstream)
  const noted = cacheMs > 0 ? noteCache({ upstream: name, lifeMs: cacheMs })(withEmulation) : withEmulation
  return account(pool, name, { onAttempt, drifts })(noted)
}

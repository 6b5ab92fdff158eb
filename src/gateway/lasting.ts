import type { EndedRenewal } from '../accounts/live-account.ts'
import { SharedPools } from '../accounts/shared-pools.ts'
import type { Drift } from '../chat/drift.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { Logger } from '../flow/call.ts'
import type { ObserverLayer } from '../flow/chat.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'
import { Capacity, type CapacityLimits } from './capacity.ts'
import { DriftLog } from './drift-log.ts'
import { promptCache } from './layers/prompt-cache.ts'
import { RecentRequests } from './requests/recent-requests.ts'
import { Statistics } from './requests/statistics.ts'

interface LastingOptions extends CapacityLimits {
  readonly store: Store
  /** Whether other processes use the store too. */
  readonly isShared?: boolean
  readonly observers?: GatewayObservers
  readonly log: Logger
  readonly runtime: Runtime
}

/** Those who are told what happens beside calls. They must be short and must not throw. */
export interface GatewayObservers {
  /** Gets each renewal that has ended. */
  readonly onRenewal?: ((renewed: EndedRenewal) => void) | undefined
  /** Gets each drift of each answer, and the upstream that sent it. */
  readonly onDrift?: ((upstream: string, drift: Drift) => void) | undefined
  /** Gets the milliseconds by which the event loop was late, several times a second while calls run. */
  readonly onLoopDelay?: ((ms: number) => void) | undefined
}

/** What stays when the configuration is read again and another gateway is opened. */
export interface Lasting {
  /** The accounts of the upstreams. */
  readonly pools: SharedPools
  readonly capacity: Capacity
  /** The layer that knows where conversations have their caches. */
  readonly promptCache: ObserverLayer<ChatRequest>
  readonly requests: RecentRequests
  /** The counts of the last hour. */
  readonly statistics: Statistics
  readonly drifts: DriftLog
}

export function openLasting({ store, isShared = false, observers = {}, ...options }: LastingOptions): Lasting {
  const { log, runtime, ...limits } = options
  const { onRenewal, onDrift, onLoopDelay } = observers
  const requests = new RecentRequests()
  const statistics = new Statistics(runtime)
  requests.follow(statistics.noteRequest)
  return {
    pools: new SharedPools({ store, isShared, onRenewal, log, runtime }),
    capacity: new Capacity({ ...limits, onLoopDelay }, runtime),
    promptCache: promptCache(runtime),
    requests,
    statistics,
    drifts: new DriftLog({ log, runtime, onDrift }),
  }
}

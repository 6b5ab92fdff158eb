import type { ClockOffset } from '../flow/clock-check.ts'
import type { Shortage } from '../gateway/capacity.ts'
import type { GatewayStatus } from '../gateway/inspect.ts'
import type { RecentRequest } from '../gateway/requests/recent-requests.ts'
import type { ExpiredKey } from '../keys/client-keys.ts'
import type { BudgetUse } from '../keys/key-meter.ts'
import type { StoreProblem } from '../state/store.ts'
import type { ToolServerState } from '../tools/tool.ts'

/** What is true of the configuration. */
export interface ConfigurationFacts {
  /** Whether no upstream is configured, so that only the built-in demo answers. */
  readonly hasNoUpstream: boolean
  /** Whether everybody who reaches the address may use the upstreams. */
  readonly isOpenToEveryone: boolean
  /** Whether a key is so short that it can be guessed. */
  readonly hasWeakKey: boolean
}

/** An attempt to read the configuration again, and what it found wrong. */
export interface LastReload {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly problems: readonly { readonly variable: string; readonly problem: string; readonly remedy: string }[]
}

/** The state of all parts of the program at one moment. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly gateway: GatewayStatus
  /** Why no further call may begin. */
  readonly shortage: Shortage | undefined
  /** The last requests, the newest first. */
  readonly requests: readonly RecentRequest[]
  readonly toolServers: readonly ToolServerState[]
  readonly storeProblem: StoreProblem | undefined
  /** The budgets of the client keys that were used, by the names of the keys. */
  readonly budgets: readonly (BudgetUse & { readonly key: string })[]
  readonly expiredKeys: readonly ExpiredKey[]
  readonly clockOffset: ClockOffset | undefined
  readonly settings: ConfigurationFacts
  readonly failedReload: LastReload | undefined
  /** The lines of the log that were dropped lately, and when the last of them was found missing. */
  readonly droppedLines: { readonly count: number; readonly at: number } | undefined
}

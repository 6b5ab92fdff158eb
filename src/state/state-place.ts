import type { Secret } from '../chat/secret.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { NoticeBridge } from './notice-bridge.ts'
import type { Store } from './store.ts'

/** The secrets that encrypt the state. */
export interface StateSecrets {
  /** `STATE_SECRET` */
  readonly secret?: Secret
  /** `STATE_SECRET_PREVIOUS`: what the state was written with before. It only decrypts. */
  readonly previous?: Secret
}

/** How the processes before and after a restart use one state for a while (docs/decisions/0107-restart.md). */
export interface StateSharing {
  readonly bridge: NoticeBridge
  /** Resolves when the process that uses the state too has ended; undefined if there is none. */
  readonly formerEnded: Promise<void> | undefined
}

/** The place of the state, as the operator configured it. */
export interface StatePlace {
  /** The value of `STATE_URL` for this place. It contains no secret. */
  readonly url: string
  /** Describes the place for the operator. */
  readonly description: string
  /** Whether the state outlives the process. */
  readonly isDurable: boolean
  /** Whether several processes may use the state at once. */
  readonly isShared: boolean
  /** The file with the secret, if the operator has not set one. */
  readonly keyFile?: string
  /**
   * @throws ChatError `unavailable`, with a message for the operator, if the state cannot be opened; the program must
   *   not start then
   * @param sharing what a restart needs, in which a process takes over the state of another one
   */
  open(runtime: Runtime, sharing?: StateSharing): Promise<Store>
  /** Checks the place, also while a server uses it. It writes, makes and locks nothing. */
  inspect(runtime: Runtime): Promise<StateFindings>
}

/** The findings of a check of the state, in sentences. */
export interface StateFindings {
  /** Reasons why a start would fail. They are found without opening the state for writing, so some may be missing. */
  readonly problems: readonly string[]
  /** Facts that the operator should know. */
  readonly notes: readonly string[]
}

/** A kind of storage. Each has a folder, and a line in `store-kinds.ts`. */
export interface StoreKind {
  /** The form of `STATE_URL` for this kind, for messages: `sqlite:FILE`. */
  readonly form: string
  /**
   * Reads a `STATE_URL`.
   * @param secrets encrypt the values, if the kind stores anything outside the process
   * @returns the problem if the value is an invalid one of this kind; undefined if it belongs to another kind
   */
  read(url: string, secrets: StateSecrets): StatePlace | UrlProblem | undefined
}

/** The problem of a `STATE_URL`, and a correct form. */
export interface UrlProblem {
  readonly problem: string
  readonly remedy: string
}

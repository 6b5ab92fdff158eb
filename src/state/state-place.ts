import type { Secret } from '../chat/secret.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from './store.ts'

/** Where the state is kept, as the operator configured it. */
export interface StatePlace {
  /** How `STATE_URL` names it. Holds nothing secret. */
  readonly url: string
  /** Where that is, in words for the operator. */
  readonly description: string
  /** Whether what is kept there outlives the process. */
  readonly isDurable: boolean
  /** The file that has the secret, where the operator has not set one. */
  readonly keyFile?: string
  /** @throws ChatError `unavailable`, in words for the operator, if the state cannot be opened: a reason not to start */
  open(runtime: Runtime): Promise<Store>
  /** Checks it, also while a server uses it: nothing is written, made or locked. */
  inspect(): StateFindings
}

/** What a check of the state finds, in sentences. */
export interface StateFindings {
  /** Why a start would fail, as far as that can be seen without opening the state for writing. */
  readonly problems: readonly string[]
  /** What the operator should know. */
  readonly notes: readonly string[]
}

/** A kind of storage. Each is a folder, and a line in `store-kinds.ts`. */
export interface StoreKind {
  /** How `STATE_URL` names such a place, for messages: `sqlite:FILE`. */
  readonly form: string
  /**
   * Reads a `STATE_URL`.
   * @param secret encrypts what is kept, where the kind keeps anything outside of the process
   * @returns what is wrong with it where it is meant to be of this kind; undefined where it is of another kind
   */
  read(url: string, secret: Secret | undefined): StatePlace | UrlProblem | undefined
}

/** What is wrong with a `STATE_URL`, and what it should be instead. */
export interface UrlProblem {
  readonly problem: string
  readonly remedy: string
}

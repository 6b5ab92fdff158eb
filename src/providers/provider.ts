import type { Account, Supply } from '../accounts/account.ts'
import type { Model, Support } from '../chat/model.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { Secret } from '../chat/secret.ts'
import type { Thread } from '../chat/thread.ts'
import type { Call } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Flow } from '../flow/flow.ts'

/**
 * One service that answers chats, ready to be asked.
 * @typeParam Credential what its accounts hold; only the upstream itself looks into it
 */
export interface Upstream<Credential = unknown> {
  /** As it stands before the slash of a model's address: `a-z`, `0-9`, `-`. */
  readonly name: string
  /** The name of the provider that made it, for showing. The configuration fills it in. */
  readonly provider?: string
  /** Where it speaks OpenAI's dialect: its base URL as a client of it is given, without a trailing slash. */
  readonly baseUrl?: string
  /** Where it is asked, for the operator to see, where there is no `baseUrl`. Holds nothing secret. */
  readonly address?: string
  readonly accounts: readonly Account<Credential>[]
  /** Makes further accounts as they are needed, where the service gives them to anybody. */
  readonly supply?: Supply<Credential>
  /**
   * True where the service keeps the conversation itself and takes only the newest prompt: `call.thread` then says
   * whether it has one for this request. Otherwise every request tells the whole conversation.
   */
  readonly keepsThreads?: boolean
  readonly support: Support
  /** The models it serves, where the operator or the adapter has a fixed list; otherwise they are asked for. */
  readonly models?: readonly Model[]
  /** Asks for the models. @throws ChatError */
  listModels?(account: Account<Credential>, signal: Cancel): Promise<readonly Model[]>
  /** A method, not a property: so an upstream with accounts of any kind is an `Upstream`. */
  chat(request: ChatRequest, call: AccountCall<Credential>): Flow
}

/** A call on its last way: with the account it is asked with, whose credential is as new as it has to be. */
export interface AccountCall<Credential = unknown> extends Call {
  readonly account: Account<Credential>
  readonly thread: Thread
}

/** A kind of upstream: makes none, one or several of them out of what the operator configured. */
export interface Provider {
  readonly name: string
  configure(variables: Variables): readonly Upstream[]
  /** Emulates the service in this process, for the demo. Only this loads the emulator: it is imported within. */
  emulate(): Promise<Emulated>
}

/** A service that is emulated, on a free port of 127.0.0.1. */
export interface Emulated {
  /** What a gateway needs to ask it. */
  readonly variables: Readonly<Record<string, string>>
  close(): Promise<unknown>
}

/**
 * The environment, as a provider reads it. Every name that is read is a name that exists, so that what nobody reads is a
 * probable typo. A value that is wrong is reported, never thrown: all problems are shown at once.
 */
export interface Variables {
  /** What a web product is told that it is asked by: `UPSTREAM_USER_AGENT`, or our own name and version. */
  readonly userAgent: string
  /** Undefined where it is unset or empty. */
  text(name: string): string | undefined
  /** An http or https URL without a query, without its trailing slash. */
  url(name: string): string | undefined
  /** The same for a socket, which is written as `wss:` as often as `https:`. */
  socketUrl(name: string): string | undefined
  /** Comma-separated values, trimmed. */
  list(name: string): readonly string[] | undefined
  /** The values of `NAME` and of `NAME_1`, `NAME_2` …, in this order, with the variable each came from. */
  secrets(name: string): readonly NamedSecret[]
  /** The same for secrets that may hold white space, such as a `Cookie` header or JSON. */
  texts(name: string): readonly NamedSecret[]
  /** Every set name that matches, for variables whose names hold a name. */
  matching(pattern: RegExp): readonly RegExpExecArray[]
  /** A whole number within bounds, both included. */
  integer(name: string, bounds: { readonly fallback: number; readonly min: number; readonly max: number }): number
  report(problem: Problem): void
  /** Says what is probably not meant so, but can be lived with; it begins with the variable's name, and has no value in it. */
  warn(text: string): void
}

/** A secret, and the variable it came from. */
export interface NamedSecret {
  readonly name: string
  readonly secret: Secret
}

/** What is wrong with a variable, and how to mend it. Its value stands in neither. */
export interface Problem {
  readonly variable: string
  readonly problem: string
  readonly remedy: string
}

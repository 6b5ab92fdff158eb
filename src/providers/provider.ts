import type { Account, OnLimit, Supply } from '../accounts/account.ts'
import type { Terms } from '../accounts/terms.ts'
import type { Extras } from '../chat/message.ts'
import type { Model, Support } from '../chat/model.ts'
import type { ChatRequest } from '../chat/request.ts'
import type { Secret } from '../chat/secret.ts'
import type { EmbeddingEvent, EmbeddingRequest, RelayEvent, RelayRequest, Task } from '../chat/task.ts'
import type { Thread } from '../chat/thread.ts'
import type { Call } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Flow } from '../flow/flow.ts'

/**
 * A configured service that answers chats.
 * @typeParam Credential the type of its accounts' credentials, which only the upstream itself reads
 */
export interface Upstream<Credential = unknown> {
  /** The name before the slash of a model's address: `a-z`, `0-9`, `-`. */
  readonly name: string
  /** The name of the provider that made it, to show to the operator. The configuration sets it. */
  readonly provider?: string
  /** Differs if its accounts are made, renewed, limited or asked in another way. The configuration sets it. */
  readonly fingerprint?: string
  /** The variable of its accounts' credentials; absent if it takes none. The configuration sets it. */
  readonly credential?: CredentialVariable
  /** Where each account comes from, by its label. An account that is missing here was made. The configuration sets it. */
  readonly sources?: ReadonlyMap<string, AccountSource>
  /** The base URL for OpenAI clients, without a trailing slash, if the upstream has that dialect. */
  readonly baseUrl?: string
  /** The address to show to the operator, if there is no `baseUrl`. It contains no secret. */
  readonly address?: string
  readonly accounts: readonly Account<Credential>[]
  /** Makes further accounts when they are needed, if the service gives them to anyone. */
  readonly supply?: Supply<Credential>
  /**
   * True if the service keeps the conversation itself and only accepts the newest prompt. Then `call.thread.known` is
   * the thread of the request's conversation, if there is one. Otherwise every request contains the whole conversation.
   */
  readonly keepsThreads?: boolean
  /** Whether it chooses among services itself, by OpenRouter's `provider` in a request. */
  readonly takesProvider?: true
  /** Whether it is made for people, and not for programs. The gateway uses such a service only as a person would. */
  readonly isWebProduct?: true
  /** Milliseconds for which it keeps a prompt in a cache after its last use; 0 if it has none. */
  readonly cacheMs?: number
  /** False if it goes on with an answer, and counts it, when its client has left, or if that is not known. */
  readonly stopsOnCancel?: false
  /** False if no model answers, so that it cannot be told how to call tools. */
  readonly followsInstructions?: false
  /** Limit for the requests of a minute, if the operator has set one. The configuration sets it. */
  readonly maxRpm?: number
  /**
   * What follows when an account reaches a limit. By default the next account is used, but a web product rests. The
   * configuration sets it.
   */
  readonly onLimit?: OnLimit
  /** What the terms of the service say; absent if that is unknown. */
  readonly terms?: Terms
  readonly support: Support
  /**
   * The models that it serves, if the operator or the adapter has a fixed list. Otherwise the upstream is asked for
   * them.
   */
  readonly models?: readonly Model[]
  /** How a model is given the beginning of its answer, if it is proven that it goes on exactly there. */
  prefixOf?(model: Model): Prefix | undefined
  /** Asks for the models. @throws ChatError */
  listModels?(account: Account<Credential>, signal: Cancel): Promise<readonly Model[]>
  /**
   * Answers a request. It is a method, not a property, so that an upstream with any kind of account is an `Upstream`.
   */
  chat(request: ChatRequest, call: AccountCall<Credential>): Flow
  /** What it serves beside chats, if anything. */
  readonly tasks?: UpstreamTasks<Credential>
}

/** A variable that has a credential. Further accounts have the same with a number: `NAME_1`, `NAME_2` … */
export interface CredentialVariable {
  readonly variable: string
  /** A key may not have white space. A session is the text of a cookie or of a browser's storage. */
  readonly kind: 'key' | 'session'
}

/** Where an account comes from. */
export interface AccountSource {
  /** The variable of its credential, or of its upstream's address if it has none; undefined if no variable is set. */
  readonly variable: string | undefined
  /** Whether the environment or the state has the variable. */
  readonly source: 'environment' | 'state'
}

/** A variable that turns an upstream on without a credential, as data for the operator. */
export interface SwitchVariable {
  /** A name, or `UPSTREAM_<NAME>_URL` for any. */
  readonly variable: string
  /** The upstream; undefined if the operator chooses its name. */
  readonly upstream: string | undefined
  readonly kind: 'key' | 'url'
}

/** A variable that would turn on an upstream that is off. */
export interface AvailableCredential extends Pick<SwitchVariable, 'variable' | 'upstream'> {
  readonly provider: string
  readonly kind: CredentialVariable['kind'] | SwitchVariable['kind']
}

/** How an upstream takes the beginning of an answer: as an assistant's message at the end of the conversation. */
export interface Prefix {
  /** Fields of that message. */
  readonly message?: Extras
  /** Fields of the body. */
  readonly body?: Extras
  /** Whether the answer repeats the beginning. */
  readonly isRepeated: boolean
}

/** What an upstream serves beside chats. */
export interface UpstreamTasks<Credential = unknown> {
  /** Whether it serves the task with this model, as far as is known. An upstream may learn that it does not. */
  serves(task: Task, model: string): boolean
  /** Limit for the inputs of one request to `embed`. */
  readonly maxInputs: number
  /** @throws ChatError `unsupported` with the code `unsupported_task`, if it turns out that it does not serve the task */
  embed(request: EmbeddingRequest, call: AccountCall<Credential>): Flow<EmbeddingEvent>
  /** Sends a request as it is, and gives the bytes of the reply. @throws as `embed` */
  relay(request: RelayRequest, call: AccountCall<Credential>): Flow<RelayEvent>
}

/** A call with the account that it uses, whose credential is up to date. */
export interface AccountCall<Credential = unknown> extends Call {
  readonly account: Account<Credential>
  readonly thread: Thread
}

/** The code for a kind of upstream. It makes none, one or several upstreams from the operator's variables. */
export interface Provider {
  readonly name: string
  /** What the names of its variables begin with; by default its own name. Variables of all upstreams follow it. */
  prefixes?(variables: Variables): readonly string[]
  /** Variables that other programs read too. They may be set while the upstream is off. */
  readonly sharedVariables?: readonly string[]
  /** Variables other than credentials that turn an upstream on. */
  readonly switches?: readonly SwitchVariable[]
  configure(variables: Variables): readonly Upstream[]
  /** Emulates the service in this process, for the demo. It imports the emulator when it is called. */
  emulate(): Promise<Emulated>
}

/** An emulated service on a free port of 127.0.0.1. */
export interface Emulated {
  /** The variables for a gateway that uses it. */
  readonly variables: Readonly<Record<string, string>>
  close(): Promise<unknown>
}

/**
 * The environment, as a provider reads it. Each name that is read counts as known, and any other name is probably a
 * typo. An invalid value is reported, never thrown, so that all problems are shown at once.
 */
export interface Variables {
  /** The `User-Agent` for web products: `UPSTREAM_USER_AGENT`, or our own name and version. */
  readonly userAgent: string
  /** The trimmed text; undefined if it is unset or empty. */
  text(name: string): string | undefined
  /** An http or https URL without a query and without a trailing slash. */
  url(name: string): string | undefined
  /** The URL of a socket: like `url`, but it may also begin with `ws:` or `wss:`. */
  socketUrl(name: string): string | undefined
  /** Comma-separated values, trimmed. */
  list(name: string): readonly string[] | undefined
  /** Headers of each request, their names in small letters: `Name: value`, one per line or after a `;`, or as JSON. */
  headers(name: string): Readonly<Record<string, string>>
  /** The values of `NAME` and of `NAME_1`, `NAME_2` …, in this order, each with its variable. */
  secrets(name: string): readonly NamedSecret[]
  /** Like `secrets`, for values that may contain white space, such as a `Cookie` header or JSON. */
  texts(name: string): readonly NamedSecret[]
  /** The match of each variable that is set, for variables such as `UPSTREAM_<NAME>_URL`. */
  matching(pattern: RegExp): readonly RegExpExecArray[]
  /** A whole number from `min` to `max`, both included. */
  integer(name: string, bounds: { readonly fallback: number; readonly min: number; readonly max: number }): number
  report(problem: Problem): void
  /**
   * Warns of a probable mistake that does not prevent a start. The text begins with the variable's name and contains no
   * value.
   */
  warn(text: string): void
}

/** A secret, and its variable. */
export interface NamedSecret {
  readonly name: string
  readonly secret: Secret
}

/** What is wrong with a variable, and how to correct it. Neither contains its value. */
export interface Problem {
  readonly variable: string
  readonly problem: string
  readonly remedy: string
}

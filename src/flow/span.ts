import type { ChatError } from '../chat/error.ts'
import type { Message } from '../chat/message.ts'
import type { Parameters } from '../chat/request.ts'
import type { Task } from '../chat/task.ts'

/** Makes the spans of calls. It is there only if traces are on (docs/traces.md). */
export interface Tracer {
  /** Begins the span of a request. Returns undefined for a request that is not traced. */
  begin(request: TracedRequest): CallSpan | undefined
}

/** A client's request, as its span shows it. */
export interface TracedRequest {
  readonly id: string
  readonly method: string
  /** The path of its route, without what stands in the place of a `{name}`. */
  readonly route: string
  readonly surface: string
  /** The name of the client key. */
  readonly key: string
  readonly headers: Headers
  /** The span of the request that has begun it, for one that goes on without its client. */
  readonly parent?: CallSpan | undefined
}

/** One step of a trace. Further steps are begun from it. */
export interface Span {
  /** The id of the trace: 32 hexadecimal digits. */
  readonly traceId: string
  /** Tell another server which span its request belongs to. W3C Trace Context */
  readonly headers: Readonly<Record<string, string>>
  beginAttempt(attempt: TracedAttempt): AttemptSpan
  beginToolRun(run: TracedToolRun): ToolSpan
  /** Begins a request to another server, which ends when the head of its reply has come. */
  beginExchange(method: string, url: string): ExchangeSpan
}

/** The span of a client's request. */
export interface CallSpan extends Span {
  /** Notes the status of the response. */
  noteStatus(status: number): void
  /** Notes why the request failed. */
  noteFailure(error: ChatError): void
  /** Ends it: the response has been sent, or the client has left. */
  end(): void
}

/** What an upstream is asked. A chat has no task, and only a chat has messages. */
export interface AttemptedRequest {
  readonly model: string
  readonly task?: Task
  readonly stream?: boolean
  readonly messages?: readonly Message[]
  readonly parameters?: Parameters
}

/** An attempt, as its span shows it. */
export interface TracedAttempt {
  readonly upstream: string
  /** The label of the account; undefined if none is needed. */
  readonly account: string | undefined
  /** The upstream's own name of the model. */
  readonly model: string
  readonly request: AttemptedRequest
}

/** The span of an attempt. */
export interface AttemptSpan extends Span {
  /** Whether it keeps the texts of the request and the answer. */
  readonly keepsTexts: boolean
  onBatch(batch: readonly { readonly type: string }[]): void
  /**
   * @param outcome `ok`, `not_needed`, or the code of its failure
   * @param firstMs milliseconds until something was shown; undefined if nothing was
   */
  end(outcome: string, firstMs: number | undefined): void
}

/** A run of a tool, as its span shows it. */
export interface TracedToolRun {
  readonly tool: string
  readonly server: string
  /** The model's id of the tool call; undefined if a client runs the tool. */
  readonly callId: string | undefined
  readonly args: object
}

/** The span of a tool's run. */
export interface ToolSpan extends Span {
  /** @param failure why there is no result */
  end(outcome: { readonly content: string; readonly isError: boolean } | undefined, failure?: unknown): void
}

/** The span of a request to another server. */
export interface ExchangeSpan {
  readonly headers: Readonly<Record<string, string>>
  end(status: number): void
  fail(thrown: unknown): void
}

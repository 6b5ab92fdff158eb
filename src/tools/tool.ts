import type { Fields, ImagePart } from '../chat/message.ts'
import type { Call } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'

/** What a tool gets when it runs. */
export interface ToolContext {
  /** Aborted when the client leaves, the call takes too long or the program stops. */
  readonly signal: Cancel
  /** Receives partial output, as text, while the tool runs. */
  onChunk(text: string): void
  /** The number of gateways that the request for the run came through. */
  readonly hops?: number
  /** The call that the tool runs for, for those who observe it. */
  readonly call?: Call
}

/** The outcome of a run. A tool's own failure is an outcome too, which the model gets. */
export interface ToolOutcome {
  /** Text. An image stands in it as `[image 1: image/png, 12 KB]`. */
  readonly content: string
  readonly images?: readonly ImagePart[]
  readonly isError: boolean
  /** The result as any JSON value, if the tool gives one. The text says the same. */
  readonly structured?: unknown
}

/** A tool that the gateway itself can run for a model. */
export interface Tool {
  /** The name for models: `server__tool`, of `A-Z a-z 0-9 _ -`, a letter or `_` first, at most 64 characters, unique. */
  readonly name: string
  /** The name of its MCP server, or `builtin`. */
  readonly server: string
  readonly description?: string
  /** JSON Schema of its arguments, in the shape that model APIs accept. */
  readonly parameters: Fields
  readonly supportsStreaming: boolean
  /**
   * Runs it once. A run is never repeated automatically, because an interrupted run may have had an effect.
   * @throws only the signal's reason, when it is aborted
   */
  run(args: Fields, context: ToolContext): Promise<ToolOutcome>
}

/** The state of a tool server. */
export interface ToolServerState {
  readonly name: string
  readonly transport: 'stdio' | 'http' | 'sse' | 'builtin'
  readonly status: 'idle' | 'connecting' | 'connected' | 'failed'
  /** When it came to have this status: milliseconds since 1970. */
  readonly since?: number
  /** How many tools it has, as far as is known. */
  readonly tools: number
  /** Whether it is a gateway like this one, which may have tools of this one. */
  readonly isGateway?: true
  /** Why it failed, without secrets. */
  readonly why?: string
  /** Its command, if that could not be found. */
  readonly missingCommand?: string
  /** The last line of its process's standard error, without secrets. */
  readonly stderr?: string
}

/** A tool server, and its tools as far as they are known. */
export interface ToolServerDetails {
  readonly state: ToolServerState
  readonly tools: readonly Tool[]
}

/** All tools of all servers. */
export interface ToolRegistry {
  /**
   * Lists the tools of all servers, or of the named ones. It waits for servers that are starting; others that are not
   * connected have no tools.
   * @param missing always contains the names of the servers whose tools are missing at the moment
   */
  list(signal: Cancel, servers?: readonly string[], missing?: Set<string>): Promise<readonly Tool[]>
  servers(): readonly ToolServerState[]
  /** Shows the servers with their tools. It asks those that are connected, for a short time, and does not wait for others. */
  inspect(signal: Cancel): Promise<readonly ToolServerDetails[]>
  /**
   * Ends a server's connection or process, and connects again without a pause. Its running calls end as interrupted, and
   * tools that are off because they had changed are on again. It resolves when this has succeeded or failed.
   * @returns undefined if there is no such server, or if it is the program itself
   */
  restart(server: string): Promise<void> | undefined
  /** Ends every connection and every child process. */
  close(): Promise<void>
}

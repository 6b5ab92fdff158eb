import type { Fields } from '../chat/message.ts'
import type { Cancel } from '../flow/cancel.ts'

/** What a tool's run needs. */
export interface ToolContext {
  /** Aborted when the client leaves, the call takes too long or the program stops. */
  readonly signal: Cancel
  /** Takes partial output, as text, while the tool still runs. */
  onChunk(text: string): void
}

/** What came of a run. A tool's own failure is an outcome like any other: the model is told. */
export interface ToolOutcome {
  readonly content: string
  readonly isError: boolean
}

/** A function the gateway itself can run for a model. */
export interface Tool {
  /** As a model is told it: `server__tool`, of `A-Z a-z 0-9 _ -`, a letter or `_` first, at most 64 characters, unlike any other's. */
  readonly name: string
  /** Whose it is: the name of its MCP server, or `builtin`. */
  readonly server: string
  readonly description?: string
  /** JSON Schema of its arguments, in the shape that model APIs take. */
  readonly parameters: Fields
  readonly supportsStreaming: boolean
  /**
   * Runs it once. Never repeated by itself: what a run that broke off has done is not known.
   * @throws the signal's reason once it is aborted; nothing else
   */
  run(args: Fields, context: ToolContext): Promise<ToolOutcome>
}

/** How a server of tools is. */
export interface ToolServerState {
  readonly name: string
  readonly transport: 'stdio' | 'http' | 'sse' | 'builtin'
  readonly status: 'idle' | 'connecting' | 'connected' | 'failed'
  /** Tools it has, as far as they are known. */
  readonly tools: number
  /** Why it failed, without anything secret. */
  readonly why?: string
  /** The last line its process wrote to its standard error, without anything secret. */
  readonly stderr?: string
}

/** Every tool of every server. */
export interface ToolRegistry {
  /**
   * The tools of all servers, or of those named; one that is not connected has none, but is waited for while it starts.
   * @param missing holds the names of the servers whose tools are not there, at any moment
   */
  list(signal: Cancel, servers?: readonly string[], missing?: Set<string>): Promise<readonly Tool[]>
  servers(): readonly ToolServerState[]
  /** Ends every connection and every child process. */
  close(): Promise<void>
}

import type { Secret } from '../chat/secret.ts'

/** An MCP server that we start as a process; it uses standard input and output. */
export interface StdioServer {
  readonly name: string
  readonly transport: 'stdio'
  readonly command: string
  readonly args: readonly (Secret | string)[]
  /** The whole environment of the child. It inherits nothing else from us. */
  readonly environment: Readonly<Record<string, Secret | string>>
  readonly folder?: string
}

/** An MCP server at a URL: streamable HTTP, or the older HTTP with server-sent events. */
export interface HttpServer {
  readonly name: string
  readonly transport: 'http' | 'sse'
  /** Its query may contain a key. */
  readonly url: Secret
  readonly headers: Readonly<Record<string, Secret>>
}

export type ToolServerConfig = StdioServer | HttpServer

/** The tool servers that the operator configured. */
export interface ToolsConfig {
  readonly servers: readonly ToolServerConfig[]
}

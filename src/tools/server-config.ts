import type { Secret } from '../chat/secret.ts'

/** An MCP server that is a process of ours, spoken to on its standard input and output. */
export interface StdioServer {
  readonly name: string
  readonly transport: 'stdio'
  readonly command: string
  readonly args: readonly (Secret | string)[]
  /** The whole of the child's environment: nothing of ours goes along. */
  readonly environment: Readonly<Record<string, Secret | string>>
  readonly folder?: string
}

/** An MCP server behind an address: streamable HTTP, or the older HTTP with server-sent events. */
export interface HttpServer {
  readonly name: string
  readonly transport: 'http' | 'sse'
  /** With its query, which may hold a key. */
  readonly url: Secret
  readonly headers: Readonly<Record<string, Secret>>
}

export type ToolServerConfig = StdioServer | HttpServer

/** What the operator configured of tools. */
export interface ToolsConfig {
  readonly servers: readonly ToolServerConfig[]
}

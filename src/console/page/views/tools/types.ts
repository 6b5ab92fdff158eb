/** A tool as a server offers it. Its texts and its schema are the server's. */
export interface OfferedTool {
  readonly name: string
  readonly description: string | null
  /** A JSON Schema. */
  readonly parameters: unknown
}

/** A tool server, as `GET /admin/tools` shows it. */
export interface ToolServer {
  readonly name: string
  readonly transport: string
  readonly status: string
  readonly since: string | null
  /** Why it failed last. */
  readonly why: string | null
  /** The last line of its error output. */
  readonly stderr: string | null
  readonly tools: readonly OfferedTool[]
}

/** What a tool said to one call. */
export interface ToolResult {
  readonly content: string
  readonly images: readonly ToolImage[]
  readonly is_error: boolean
  readonly is_cut?: boolean
  readonly structured: unknown
  readonly took_ms: number
}

export interface ToolImage {
  readonly media_type: string
  /** Base64. */
  readonly data: string
}

import type { Client } from '@modelcontextprotocol/client'
import { z } from 'zod'
import type { Cancel } from '../flow/cancel.ts'

const maxPages = 100
/** Limit for the tools of one server that are offered. */
export const maxTools = 256
const pageMs = 30_000

/** An absent cursor ends the list. An empty one does so too, because many servers write it. */
const Page = z.looseObject({
  tools: z.array(z.unknown()).catch([]),
  nextCursor: z
    .union([z.string().min(1), z.number().transform(String)])
    .optional()
    .catch(undefined),
  ttlMs: z.number().min(0).optional().catch(undefined),
})

/** A server's tools as it lists them. */
export interface ServerList {
  readonly tools: readonly unknown[]
  /** Milliseconds for which the list may be used, if the server says it. MCP 2026-07-28, server/utilities/caching */
  readonly ttlMs: number | undefined
}

/** A server's list, and whether it is complete; `endless` if its pages repeat or never end. */
type ListedTools = (ServerList & { readonly isWhole: boolean }) | 'endless'

/** Asks for all pages of a server's tools. @throws what the library throws */
export async function listTools(client: Client, signal: Cancel): Promise<ListedTools> {
  if (!client.getServerCapabilities()?.tools) return { tools: [], ttlMs: undefined, isWhole: true }
  const tools: unknown[] = []
  const cursors = new Set<string>()
  let ttlMs: number | undefined
  for (let cursor: string | undefined; ; ) {
    const page = await askPage(client, cursor, signal)
    tools.push(...page.tools.slice(0, maxTools + 1 - tools.length))
    cursor = page.nextCursor
    if (page.ttlMs !== undefined) ttlMs = Math.min(page.ttlMs, ttlMs ?? page.ttlMs)
    if (tools.length > maxTools) return { tools: tools.slice(0, maxTools), ttlMs, isWhole: false }
    if (cursor === undefined) return { tools, ttlMs, isWhole: true }
    if (cursors.has(cursor) || cursors.size >= maxPages - 1) return 'endless'
    cursors.add(cursor)
  }
}

async function askPage(client: Client, cursor: string | undefined, signal: Cancel): Promise<z.infer<typeof Page>> {
  // the library leaves a listener on each signal that it gets
  const link = signal.child()
  const params = cursor === undefined ? {} : { cursor }
  try {
    return await client.request({ method: 'tools/list', params }, Page, { signal: link.native, timeout: pageMs })
  } finally {
    link.release()
  }
}

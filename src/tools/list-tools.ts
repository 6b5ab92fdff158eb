import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { z } from 'zod'
import type { Cancel } from '../flow/cancel.ts'

const maxPages = 100
/** Tools of one server that are offered. */
export const maxTools = 256
const pageMs = 30_000

/** A cursor that is empty or nothing at all is none, as many servers end their list. */
const Page = z.looseObject({
  tools: z.array(z.unknown()).catch([]),
  nextCursor: z
    .union([z.string().min(1), z.number().transform(String)])
    .optional()
    .catch(undefined),
})

/** What a server lists, and whether that was all of it; `endless` where its pages come again, or never end. */
export type Listed = { readonly tools: readonly unknown[]; readonly isWhole: boolean } | 'endless'

/** Asks for all pages of a server's tools. @throws what the library throws */
export async function listTools(client: Client, signal: Cancel): Promise<Listed> {
  if (!client.getServerCapabilities()?.tools) return { tools: [], isWhole: true }
  const tools: unknown[] = []
  const cursors = new Set<string>()
  for (let cursor: string | undefined; ; ) {
    const page = await askPage(client, cursor, signal)
    tools.push(...page.tools.slice(0, maxTools + 1 - tools.length))
    cursor = page.nextCursor
    if (tools.length > maxTools) return { tools: tools.slice(0, maxTools), isWhole: false }
    if (cursor === undefined) return { tools, isWhole: true }
    if (cursors.has(cursor) || cursors.size >= maxPages - 1) return 'endless'
    cursors.add(cursor)
  }
}

async function askPage(client: Client, cursor: string | undefined, signal: Cancel): Promise<z.infer<typeof Page>> {
  // the library leaves a listener on each signal it is given
  const link = signal.child()
  const params = cursor === undefined ? {} : { cursor }
  try {
    return await client.request({ method: 'tools/list', params }, Page, { signal: link.native, timeout: pageMs })
  } finally {
    link.release()
  }
}

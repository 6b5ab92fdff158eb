import { z } from 'zod'

const Progress = z.looseObject({
  progressToken: z.string(),
  progress: z.number(),
  total: z.number().optional(),
  message: z.string().optional(),
})
const Log = z.looseObject({ data: z.unknown() })

/** What a running tool says. */
export interface Said {
  readonly text: string
  /** Whose call it is about, where it says so. */
  readonly token?: string
}

/**
 * The words of a progress notification or a log message; undefined where there are none.
 * MCP 2025-11-25, basic/utilities/progress and server/utilities/logging
 */
export function readNotification({ method, params }: { method: string; params?: unknown }): Said | undefined {
  if (method === 'notifications/progress') {
    const { progressToken: token, progress, total, message } = Progress.safeParse(params).data ?? {}
    if (token === undefined) return undefined
    return { token, text: message ?? `${progress}${total === undefined ? '' : ` of ${total}`}` }
  }
  if (method !== 'notifications/message') return undefined
  const { data } = Log.safeParse(params).data ?? {}
  return { text: typeof data === 'string' ? data : (JSON.stringify(data) ?? '') }
}

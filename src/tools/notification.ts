import { z } from 'zod'

const Progress = z.looseObject({
  progressToken: z.string(),
  progress: z.number(),
  total: z.number().optional(),
  message: z.string().optional(),
})
const Log = z.looseObject({ data: z.unknown() })

/** The text of a notification while a tool runs. */
export interface Notice {
  readonly text: string
  /** The progress token of the call, if the notification has one. */
  readonly token?: string
}

/**
 * Reads the text of a progress notification or a log message; undefined if there is none.
 * MCP 2025-11-25, basic/utilities/progress and server/utilities/logging
 */
export function readNotification({ method, params }: { method: string; params?: unknown }): Notice | undefined {
  if (method === 'notifications/progress') {
    const { progressToken: token, progress, total, message } = Progress.safeParse(params).data ?? {}
    if (token === undefined) return undefined
    return { token, text: message ?? `${progress}${total === undefined ? '' : ` of ${total}`}` }
  }
  if (method !== 'notifications/message') return undefined
  const { data } = Log.safeParse(params).data ?? {}
  return { text: typeof data === 'string' ? data : (JSON.stringify(data) ?? '') }
}

import type { ToolBounds } from '../../chat/model.ts'

/**
 * The limits of OpenAI's own service. "Invalid 'tools': array too long. Expected an array with maximum length 128"
 * zed-industries/zed#32946; "Invalid 'tools[13].function.description': string too long. Expected a string with maximum
 * length 1024" getsentry/sentry-mcp#106
 */
export const openaiToolBounds: ToolBounds = { maxTools: 128, maxDescription: 1024 }

/** Returns the limits of the service at an address, if it is OpenAI's or Azure's. For other addresses they are unknown. */
export function toolBoundsAt(url: string): ToolBounds | undefined {
  const hostname = URL.parse(url)?.hostname ?? ''
  return /^([a-z]+\.)?api\.openai\.com$|\.openai\.azure\.com$/.test(hostname) ? openaiToolBounds : undefined
}

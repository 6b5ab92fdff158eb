import { z } from 'zod'
import type { ToolOutcome } from './tool.ts'

const Text = z.looseObject({ type: z.literal('text'), text: z.string() })
const Media = z.looseObject({ type: z.enum(['image', 'audio']), data: z.string(), mimeType: z.string().optional() })
const Link = z.looseObject({ type: z.literal('resource_link'), uri: z.string() })
const Resource = z.looseObject({
  type: z.literal('resource'),
  resource: z.looseObject({
    uri: z.string().optional(),
    mimeType: z.string().optional(),
    text: z.string().optional(),
    blob: z.string().optional(),
  }),
})
const Part = z.union([Text, Media, Link, Resource])

/** What `tools/call` gives back, whatever of it there is. MCP 2025-11-25, server/tools. */
export const CallResult = z.looseObject({
  content: z.array(z.unknown()).catch([]),
  structuredContent: z.unknown().optional(),
  isError: z.boolean().catch(false),
})

/**
 * The result as text, which is what a model gets. Pictures and sounds are named and left out; a resource's text is shown.
 */
export function readResult({ content, structuredContent, isError }: z.infer<typeof CallResult>): ToolOutcome {
  const parts = content.map(describePart)
  if (content.length === 0 && structuredContent !== undefined)
    return { content: JSON.stringify(structuredContent), isError }
  return { content: parts.join('\n'), isError }
}

function describePart(listed: unknown): string {
  const part = Part.safeParse(listed).data
  switch (part?.type) {
    case 'text':
      return part.text
    case 'image':
    case 'audio':
      return omitted(part.mimeType ?? part.type, part.data)
    case 'resource_link':
      return `[resource ${word(part.uri)}, not shown]`
    case 'resource':
      return part.resource.text ?? omitted(part.resource.mimeType ?? 'resource', part.resource.blob ?? '')
    case undefined:
      return '[something of an unknown kind, not shown]'
  }
}

/** @param base64 what is left out */
function omitted(kind: string, base64: string): string {
  return `[${word(kind)}, ${size(Math.floor((base64.length * 3) / 4))}, not shown]`
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  return bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`
}

/** A server's word, short and on one line. */
function word(text: string): string {
  return text.replace(/[^\x21-\x7e]|[[\]]/g, '').slice(0, 200)
}

import { z } from 'zod'
import type { ImagePart } from '../chat/message.ts'
import { jsonOrUndefined } from '../wire/json.ts'
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
type ContentItem = z.infer<typeof Part>

/** The result of `tools/call`; every member may be absent. MCP 2025-11-25, server/tools. */
export const CallResult = z.looseObject({
  content: z.array(z.unknown()).catch([]),
  structuredContent: z.unknown().optional(),
  isError: z.boolean().catch(false),
})

/**
 * Turns a result into the text for the model, and its images. Sounds are only named; a resource's text is included. Structured
 * content follows the texts, unless they say the same.
 */
export function readResult({ content, structuredContent, isError }: z.infer<typeof CallResult>): ToolOutcome {
  const images: ImagePart[] = []
  const parts = content.map((listed) => {
    const part = Part.safeParse(listed).data
    const image = images.length < maxImages ? imageIn(part) : undefined
    return image ? addImage(image, images) : describePart(part)
  })
  const isStructured = structuredContent !== undefined && structuredContent !== null
  if (isStructured && !haveSameMeaning(content, structuredContent)) parts.push(JSON.stringify(structuredContent))
  const structured = isStructured ? { structured: structuredContent } : {}
  return { content: parts.join('\n'), ...(images.length > 0 && { images }), isError, ...structured }
}

/** Images of a result that are shown, at most. */
const maxImages = 16
/** The types of images that the models of all known services take. */
const imageTypes: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

interface FoundImage {
  readonly mediaType: string
  readonly base64: string
}

/** The image that a part is, or that it embeds as a resource. */
function imageIn(part: ContentItem | undefined): FoundImage | undefined {
  const { mimeType, data } = part?.type === 'resource' ? { ...part.resource, data: part.resource.blob } : asMedia(part)
  const mediaType = mimeType?.toLowerCase() ?? ''
  const base64 = data?.replace(/\s/g, '') ?? ''
  const isImage = imageTypes.has(mediaType) && base64 !== '' && /^[A-Za-z0-9+/]+={0,2}$/.test(base64)
  return isImage ? { mediaType, base64 } : undefined
}

function asMedia(part: ContentItem | undefined): { readonly mimeType?: string | undefined; readonly data?: string } {
  return part?.type === 'image' ? part : {}
}

/** Adds the image to the others. @returns the text that marks its place */
function addImage({ mediaType, base64 }: FoundImage, images: ImagePart[]): string {
  const name = `image ${images.length + 1}`
  const notice = `[${name} is not shown: this model accepts only text]`
  images.push({ type: 'image', url: `data:${mediaType};base64,${base64}`, notice })
  return `[${name}: ${mediaType}, ${formatSizeOf(base64)}]`
}

/**
 * Whether the texts are the structured content as JSON, as MCP recommends (2025-11-25, server/tools), in one part or several.
 * Some libraries wrap a value that is not an object: `{"result": …}`.
 */
function haveSameMeaning(content: readonly unknown[], structured: unknown): boolean {
  const texts = content.flatMap((listed) => Text.safeParse(listed).data?.text ?? [])
  const alone = structured instanceof Object && Object.keys(structured).join() === 'result' && 'result' in structured
  const wanted = alone ? [structured, structured.result] : [structured]
  const whole = texts.join('\n')
  const values = texts.map(jsonOrText)
  const textForms = [...values, values, jsonOrText(whole), whole]
  return wanted.some((value) => textForms.some((one) => Bun.deepEquals(one, value, true)))
}

function jsonOrText(text: string): unknown {
  const value = jsonOrUndefined(text)
  return value === undefined ? text : value
}

function describePart(part: ContentItem | undefined): string {
  switch (part?.type) {
    case 'text':
      return part.text
    case 'image':
    case 'audio':
      return nameOmitted(part.mimeType ?? part.type, part.data)
    case 'resource_link':
      return `[resource ${shortenWord(part.uri)}, not shown]`
    case 'resource':
      return part.resource.text ?? nameOmitted(part.resource.mimeType ?? 'resource', part.resource.blob ?? '')
    case undefined:
      return '[something of an unknown kind, not shown]'
  }
}

/** Names a part that is left out. @param base64 its content */
function nameOmitted(kind: string, base64: string): string {
  return `[${shortenWord(kind)}, ${formatSizeOf(base64)}, not shown]`
}

function formatSizeOf(base64: string): string {
  return formatSize(Math.floor((base64.length * 3) / 4))
}

function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  return bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`
}

/** Shortens a server's word to one short line. */
function shortenWord(text: string): string {
  return text.replace(/[^\x21-\x7e]|[[\]]/g, '').slice(0, 200)
}

import type { ToolImage } from './types.ts'

/** The types that are shown. SVG is none of them: it is a document that can hold scripts and links. */
const shown: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']

/** An image of a tool as a `data:` address; undefined unless it is of a known type and its data are Base64. */
export function imageOf({ media_type: type, data }: ToolImage): string | undefined {
  if (!shown.includes(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(data)) return undefined
  return `data:${type};base64,${data}`
}

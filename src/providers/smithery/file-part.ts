import type { Fields, FilePart, ImagePart } from '../../chat/message.ts'

/** Media types by the ending of a file's name, for files whose type is not stated. */
const typesByEnding: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  json: 'application/json',
}

/** Encodes a picture as a file part. AI SDK, FileUIPart: https or `data:`, with its media type */
export function imagePart({ url }: ImagePart): Fields {
  return { type: 'file', mediaType: dataType(url) ?? typeOfName(URL.parse(url)?.pathname) ?? 'image/*', url }
}

/** Encodes a file as a file part; undefined if it only has an id, which smithery does not know. */
export function filePart({ content, name }: FilePart): Fields | undefined {
  if (content === undefined) return undefined
  const isUrl = /^(data|https?):/i.test(content)
  const mediaType = dataType(content) ?? typeOfName(name) ?? 'application/octet-stream'
  const url = isUrl ? content : `data:${mediaType};base64,${content}`
  return { type: 'file', mediaType, url, ...(name && { filename: name }) }
}

function dataType(url: string): string | undefined {
  return /^data:([\w.+-]+\/[\w.+-]+)/i.exec(url)?.[1]?.toLowerCase()
}

function typeOfName(name = ''): string | undefined {
  return typesByEnding[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? '']
}

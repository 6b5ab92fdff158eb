import type { Annotation, Fields } from '../../chat/message.ts'
import { dialect } from './dialect.ts'

/** Reads an annotation, and keeps it as it came. Its offsets count from the beginning of its text. OpenAI, Responses API reference */
export function decodeAnnotation(wire: Fields): Annotation {
  const { url, title, start_index: start, end_index: end } = wire
  return {
    ...(typeof url === 'string' && { url }),
    ...(typeof title === 'string' && { title }),
    ...(typeof start === 'number' && { start }),
    ...(typeof end === 'number' && { end }),
    extra: { [dialect]: wire },
  }
}

/** The annotations that came from a service of this dialect, as they came. */
export function annotationsIn(annotations: readonly Annotation[] = []): readonly Fields[] {
  return annotations.map(({ extra }) => extra?.[dialect]).filter((own) => own !== undefined)
}

/**
 * Writes an annotation; undefined for one of another dialect that names no address.
 * @param before characters of the answer's text before its own text
 */
export function encodeAnnotation({ url, title, start, end, extra }: Annotation, before: number): Fields | undefined {
  const own = extra?.[dialect]
  const offsets = {
    ...(start !== undefined && { start_index: Math.max(0, start - before) }),
    ...(end !== undefined && { end_index: Math.max(0, end - before) }),
  }
  if (own) return { ...own, ...offsets }
  if (url === undefined) return undefined
  return { type: 'url_citation', url, title: title ?? '', start_index: 0, end_index: 0, ...offsets }
}

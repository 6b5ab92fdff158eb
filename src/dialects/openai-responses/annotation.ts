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

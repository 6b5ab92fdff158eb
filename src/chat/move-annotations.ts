import type { Annotation } from './message.ts'

/** What may have annotations. */
interface Annotated {
  readonly annotations?: readonly Annotation[]
}

/** The annotations of a text that begins `by` UTF-16 units further on; no member where there are none. */
export function moveAnnotations({ annotations }: Annotated, by: number): Annotated {
  return annotations ? { annotations: annotations.map((annotation) => moved(annotation, by)) } : {}
}

function moved(annotation: Annotation, by: number): Annotation {
  const { start, end } = annotation
  return {
    ...annotation,
    ...(start !== undefined && { start: start + by }),
    ...(end !== undefined && { end: end + by }),
  }
}

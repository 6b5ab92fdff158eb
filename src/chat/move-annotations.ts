import type { Annotation } from './message.ts'

/** A value that may have annotations. */
interface Annotated {
  readonly annotations?: readonly Annotation[]
}

/** Moves the annotations of a text by `by` UTF-16 units. Without annotations the result has no member. */
export function moveAnnotations({ annotations }: Annotated, by: number): Annotated {
  return annotations ? { annotations: annotations.map((annotation) => moveAnnotation(annotation, by)) } : {}
}

function moveAnnotation(annotation: Annotation, by: number): Annotation {
  const { start, end } = annotation
  return {
    ...annotation,
    ...(start !== undefined && { start: start + by }),
    ...(end !== undefined && { end: end + by }),
  }
}

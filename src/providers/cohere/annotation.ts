import type { Annotation } from '../../chat/message.ts'
import type { CohereCitation } from './schema.ts'

/**
 * Makes an annotation for each source. Each contains the whole citation, because OpenAI's shape has no place for
 * some of its members.
 */
export function annotationsOf(citation: CohereCitation): Annotation[] {
  // offsets into the plan or the thinking do not apply to the text
  const isOfText = !citation.type || citation.type === 'TEXT_CONTENT'
  const place = isOfText && {
    ...(citation.start != null && { start: citation.start }),
    ...(citation.end != null && { end: citation.end }),
  }
  const sources = citation.sources?.length ? citation.sources : [{ document: undefined }]
  return sources.map(({ document }) => ({
    ...(typeof document?.url === 'string' && { url: document.url }),
    ...(typeof document?.title === 'string' && { title: document.title }),
    ...place,
    details: { citation },
  }))
}

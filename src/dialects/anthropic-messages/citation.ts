import type { Annotation, Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { dialect } from './dialect.ts'
import { ownExtra } from './own-extra.ts'

/** Reads the source of a text: a web page, or a document or search result of the request. Anthropic, Citations */
export function decodeCitation(citation: Fields): Annotation {
  const { url, source, title, document_title, document_index } = citation
  const address = [url, source].find((text) => typeof text === 'string' && /^https?:/.test(text))
  const named = [title, document_title].find((text) => typeof text === 'string' && text !== '')
  const heading = named ?? (typeof document_index === 'number' ? `Document ${document_index + 1}` : undefined)
  return {
    ...(typeof address === 'string' && { url: address }),
    ...(typeof heading === 'string' && { title: heading }),
    ...ownExtra({ citation }),
  }
}

/** Returns the citations of Anthropic's among the annotations. Those of other dialects quote no text, which Anthropic requires. */
export function citationsIn(annotations: readonly Annotation[] = []): readonly Fields[] {
  return annotations.flatMap(({ extra }) => {
    const citation = extra?.[dialect]?.citation
    return isFields(citation) ? [citation] : []
  })
}

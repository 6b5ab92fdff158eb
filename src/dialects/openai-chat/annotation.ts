import type { Annotation, Fields } from '../../chat/message.ts'
import { compact, isFields, rest } from '../fields.ts'
import { dialect } from './dialect.ts'
import { ownExtra } from './own-extra.ts'

/** Reads `{type: 'url_citation', url_citation: {url, title, start_index, end_index}}`; an annotation of another type goes into `extra`. */
export function decodeAnnotation(wire: Fields): Annotation {
  const cited = wire.url_citation
  if (wire.type !== 'url_citation' || !isFields(cited)) return { extra: { [dialect]: wire } }
  return {
    ...(typeof cited.url === 'string' && { url: cited.url }),
    ...(typeof cited.title === 'string' && { title: cited.title }),
    ...(typeof cited.start_index === 'number' && { start: cited.start_index }),
    ...(typeof cited.end_index === 'number' && { end: cited.end_index }),
    ...ownExtra(rest(cited, ['url', 'title', 'start_index', 'end_index'])),
  }
}

export function encodeAnnotation(annotation: Annotation): Fields {
  const { url, title, start, end, details, extra } = annotation
  const own = extra?.[dialect]
  if (url === undefined && title === undefined && start === undefined && own?.type !== undefined) return own
  return {
    type: 'url_citation',
    url_citation: { ...compact({ url, title, start_index: start, end_index: end }), ...details, ...own },
  }
}

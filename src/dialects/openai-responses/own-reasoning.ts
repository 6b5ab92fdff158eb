import type { Fields, ReasoningPart } from '../../chat/message.ts'
import { dialect } from './dialect.ts'

/**
 * Returns the members of a reasoning item that must be sent back unchanged; undefined if it cannot be sent back, because a service that
 * stores nothing does not know it. The id belongs to the encrypted content: a service refuses it with another id
 * (Menci/Floway#248, BerriAI/litellm#15782).
 */
export function returnedReasoning({ id, encrypted_content, summary, content }: Fields): Fields | undefined {
  const isEncrypted = typeof encrypted_content === 'string' && encrypted_content !== ''
  const hasContent = Array.isArray(content) && content.length > 0
  if (!isEncrypted && !hasContent) return undefined
  return {
    ...(typeof id === 'string' && { id }),
    ...(isEncrypted && { encrypted_content }),
    // a summary in one piece is the text of the part
    ...(Array.isArray(summary) && summary.length > 1 && { summary }),
    ...(hasContent && { content }),
  }
}

/** Writes reasoning as an item, if it came from a service of this dialect. */
export function encodeReasoning({ text, extra }: ReasoningPart): Fields | undefined {
  const own = extra?.[dialect]
  const returned = own && returnedReasoning(own)
  if (!returned) return undefined
  const summary = text === '' || returned.content !== undefined ? [] : [{ type: 'summary_text', text }]
  return { type: 'reasoning', summary, ...returned }
}

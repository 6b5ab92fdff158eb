import type { MarkedToken, Token, Tokens } from 'marked'
import { turning } from '../i18n/marks.ts'
import { decodeReferences } from './character-references.ts'
import { isKnown } from './lex.ts'
import { targetOf } from './targets.ts'
import type { Inline } from './tree.ts'

/** Deeper markup is shown as it was written. */
const maxDepth = 16

/** Reads the tokens within a block. What is not known is text. */
export function readInline(tokens: readonly Token[] | undefined, depth = 0): readonly Inline[] {
  return (tokens ?? []).flatMap((token) =>
    isKnown(token) && depth < maxDepth ? readToken(token, depth + 1) : plainText(token.raw),
  )
}

function readToken(token: MarkedToken, depth: number): readonly Inline[] {
  switch (token.type) {
    case 'strong':
      return [{ kind: 'strong', content: readInline(token.tokens, depth) }]
    case 'em':
      return [{ kind: 'emphasis', content: readInline(token.tokens, depth) }]
    case 'del':
      return [{ kind: 'deleted', content: readInline(token.tokens, depth) }]
    case 'codespan':
      return [{ kind: 'code', content: plainText(token.text) }]
    case 'br':
      return [{ kind: 'break' }]
    case 'escape':
      return plainText(token.text)
    case 'text':
      return token.tokens ? readInline(token.tokens, depth) : readText(token)
    case 'link':
      return readLink(token, depth)
    case 'image':
      return [{ kind: 'picture', target: targetOf(hrefOf(token), ''), description: decodeReferences(token.text) }]
    case 'checkbox':
      return []
    case 'html':
      // the one element that models write within tables
      return /^<br\s*\/?>$/i.test(token.raw) ? [{ kind: 'break' }] : plainText(token.raw)
    default:
      return plainText(token.raw)
  }
}

function readText({ text, escaped }: Tokens.Text): readonly Inline[] {
  return plainText(escaped ? text : decodeReferences(text))
}

/** A link that may lead nowhere is the text that was written. */
function readLink(token: Tokens.Link, depth: number): readonly Inline[] {
  const target = targetOf(hrefOf(token), token.autolink ? token.text : decodeReferences(token.text))
  if (!target) return plainText(token.raw)
  const content = token.autolink ? plainText(token.text) : readInline(token.tokens, depth).flatMap(withoutLinks)
  return [{ kind: 'link', target, content }]
}

/** A link has no other link in it: a picture keeps its description only. */
function withoutLinks(inline: Inline): readonly Inline[] {
  if (inline.kind === 'link') return inline.content
  return [inline.kind === 'picture' ? { ...inline, target: undefined } : inline]
}

function hrefOf({ href }: Tokens.Link | Tokens.Image): string {
  return decodeReferences(href)
}

/** Makes the characters that would turn the text visible. */
export function plainText(text: string): readonly Inline[] {
  if (!turning.test(text)) return text === '' ? [] : [{ kind: 'text', text }]
  return text
    .split(turning)
    .filter((part) => part !== '')
    .map((part) => (part.length === 1 && turning.test(part) ? control(part) : { kind: 'text', text: part }))
}

function control(character: string): Inline {
  return { kind: 'control', name: `U+${character.charCodeAt(0).toString(16).toUpperCase()}` }
}

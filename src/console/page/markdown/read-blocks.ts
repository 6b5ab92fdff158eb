import type { MarkedToken, Token, Tokens } from 'marked'
import { isKnown, lex } from './lex.ts'
import { plainText, readInline } from './read-inline.ts'
import type { Block, ListEntry } from './tree.ts'

/** Reads Markdown. */
export function readMarkdown(text: string): readonly Block[] {
  const tokens = lex(text)
  return tokens ? readBlocks(tokens) : verbatim(text)
}

export function verbatim(text: string): readonly Block[] {
  return text.trim() === '' ? [] : [{ kind: 'verbatim', text }]
}

export function readBlocks(tokens: readonly Token[]): readonly Block[] {
  return tokens.flatMap((token) => (isKnown(token) ? readToken(token) : verbatim(token.raw)))
}

function readToken(token: MarkedToken): readonly Block[] {
  switch (token.type) {
    case 'space':
    case 'checkbox':
      return []
    case 'paragraph':
      return [{ kind: 'paragraph', content: readInline(token.tokens) }]
    case 'text':
      return [{ kind: 'paragraph', content: token.tokens ? readInline(token.tokens) : plainText(token.text) }]
    case 'heading':
      return [{ kind: 'heading', level: token.depth, content: readInline(token.tokens) }]
    case 'code':
      return [{ kind: 'code', language: token.lang ?? '', text: token.text }]
    case 'blockquote':
      return [{ kind: 'quote', blocks: readBlocks(token.tokens) }]
    case 'list':
      return [readList(token)]
    case 'table':
      return [readTable(token)]
    case 'hr':
      return [{ kind: 'rule' }]
    default:
      return verbatim(token.raw)
  }
}

function readList({ ordered, start, items }: Tokens.List): Block {
  return {
    kind: 'list',
    start: ordered ? Number(start) : undefined,
    items: items.map((item) => readItem(item)),
  }
}

function readItem({ task, checked = false, tokens }: Tokens.ListItem): ListEntry {
  return { isDone: task ? checked : undefined, blocks: readBlocks(tokens) }
}

function readTable({ align, header, rows }: Tokens.Table): Block {
  return {
    kind: 'table',
    align: align.map((side) => side ?? undefined),
    header: header.map(({ tokens }) => readInline(tokens)),
    rows: rows.map((row) => row.map(({ tokens }) => readInline(tokens))),
  }
}

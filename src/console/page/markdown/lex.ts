import { Lexer, type MarkedToken, type Token, Tokenizer, type Tokens, type TokensList } from 'marked'

// Lengths are in UTF-16 units. The lexer takes more than linear time in places, so what it gets at once is bounded.

/** More text is shown as it was written. */
const maxLexed = 200_000
/** A longer paragraph goes on as another one. */
const maxParagraph = 4_000
/** A longer title, underlined with `===`, is a paragraph. */
const maxTitle = 500
/** A longer list goes on as another one, with its next item. */
const maxList = 3_000
/** Marks of emphasis, links and code are looked for within so much text. */
const maxInline = 2_000
/** Deeper lists and quotes are shown as they were written. */
const maxDepth = 12

/** Cuts Markdown into the tokens of its blocks. Returns undefined if it is too much. */
export function lex(text: string): readonly Token[] | undefined {
  if (text.length > maxLexed) return undefined
  try {
    return new BoundedLexer({ gfm: true, breaks: true, tokenizer: new LocalTokenizer() }).lex(text)
  } catch {
    // the lexer says that it does not come forward
    return undefined
  }
}

const known: ReadonlySet<string> = new Set<MarkedToken['type']>([
  ...(['blockquote', 'br', 'checkbox', 'code', 'codespan', 'def', 'del', 'em', 'escape', 'heading', 'hr'] as const),
  ...(['html', 'image', 'link', 'list', 'list_item', 'paragraph', 'space', 'strong', 'table', 'text'] as const),
])

export function isKnown(token: Token): token is MarkedToken {
  return known.has(token.type)
}

/** Where a block ends depends on its own text only, and on little of it. */
class LocalTokenizer extends Tokenizer {
  /** A line that defines a reference is shown, so that no block depends on another one. */
  override def(): undefined {
    return undefined
  }

  override lheading(src: string): Tokens.Heading | undefined {
    const found = super.lheading(src.slice(0, maxTitle))
    // the line may go on behind what was looked at
    return found && found.raw.length === maxTitle && src.length > maxTitle ? undefined : found
  }

  override paragraph(src: string): Tokens.Paragraph | undefined {
    return super.paragraph(src.slice(0, endOfPart(src, maxParagraph)))
  }

  override list(src: string): Tokens.List | undefined {
    return super.list(src.length > maxList ? src.slice(0, endOfItems(src)) : src)
  }
}

class BoundedLexer extends Lexer {
  #depth = 0

  override blockTokens(src: string, tokens?: Token[], isClipped?: boolean): Token[]
  override blockTokens(src: string, tokens?: TokensList, isClipped?: boolean): TokensList
  override blockTokens(src: string, tokens: Token[] = [], isClipped?: boolean): Token[] {
    if (this.#depth > maxDepth) return [...tokens, { type: 'too-deep', raw: src }]
    this.#depth++
    const found = super.blockTokens(src, tokens, isClipped)
    this.#depth--
    return found
  }

  override inlineTokens(src: string, tokens: Token[] = []): Token[] {
    let rest = src
    while (rest.length > maxInline) {
      const end = endOfPart(rest, maxInline)
      super.inlineTokens(rest.slice(0, end), tokens)
      rest = rest.slice(end)
    }
    return super.inlineTokens(rest, tokens)
  }
}

/** The place within `max` where the last word begins, if it begins with a letter; otherwise `max`. */
function endOfPart(text: string, max: number): number {
  if (text.length <= max) return text.length
  for (let at = max; at > max / 2; at--) if (text.charAt(at - 1) === ' ' && isLetter(text.charAt(at))) return at
  // no character is cut into its halves
  return /[\ud800-\udbff]/.test(text.charAt(max - 1)) ? max - 1 : max
}

function isLetter(character: string): boolean {
  return /\p{L}/u.test(character)
}

/** The end of the last whole item within the limit: the next line begins with the mark of another one. */
function endOfItems(text: string): number {
  const isOrdered = /^\s*\d/.test(text)
  const items = [...text.slice(0, maxList).matchAll(isOrdered ? /\n(?=\d{1,9}[.)] )/g : /\n(?=[-*+] )/g)]
  return (items.at(-1)?.index ?? text.length - 1) + 1
}

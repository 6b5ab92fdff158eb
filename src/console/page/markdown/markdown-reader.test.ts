import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { MarkdownReader } from './markdown-reader.ts'
import { readMarkdown } from './read-blocks.ts'

/** The blocks of a text that came in pieces. */
function inPieces(pieces: readonly string[]) {
  const reader = new MarkdownReader()
  let text = ''
  let sections = reader.update('')
  for (const piece of pieces) sections = reader.update((text += piece))
  return sections.flatMap(({ blocks }) => blocks)
}

/** Cuts a text at these places, which are taken modulo its length. */
function cut(text: string, places: readonly number[]): readonly string[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b)
  return [...ends, text.length].map((end, at) => text.slice(ends[at - 1] ?? 0, end))
}

const answer = `# A *title*

First paragraph with **bold**, \`code\` and [a link](https://example.org/a).
A second line.

1. one

   more of one
2. two
   - nested
     - deeper

       \`\`\`ts
       const a = 1

       const b = 2
       \`\`\`

- [ ] open
- [x] done

| a | b |
|---|:-:|
| 1 | 2 |
| 3 | \`x\` |

> a quote
continues here

\`\`\`js
function f() {

  return '# no title'
}
\`\`\`

<div>

text

</div>

<!-- a comment

goes on -->

Title
=====

    indented code

    more

***

Last.
`

describe('an answer that comes in pieces', () => {
  test('is at each character what the whole text so far is', () => {
    const reader = new MarkdownReader()
    for (let length = 0; length <= answer.length; length++) {
      const text = answer.slice(0, length)
      expect(reader.update(text).flatMap(({ blocks }) => blocks)).toEqual([...readMarkdown(text)])
    }
  })

  test.each([
    ['paragraph', 'One of many words. '.repeat(900)],
    ['list', Array.from({ length: 400 }, (_, at) => `${at + 1}. Item`).join('\n')],
    ['table', `| a | b |\n|---|---|\n${'| 1 | 2 |\n'.repeat(900)}`],
    ['title', `${'A title. '.repeat(200)}\n===`],
  ])('is what the whole text is with a long %s', (_, text) => {
    const step = 37
    const pieces = Array.from({ length: Math.ceil(text.length / step) }, (_, at) =>
      text.slice(at * step, (at + 1) * step),
    )
    expect(inPieces(pieces)).toEqual([...readMarkdown(text)])
  })

  test('is in the end what the whole text is, wherever it is cut', () => {
    const lines = fc.constantFrom(
      ...['\n', '\n\n', '\n\n\n', ' ', '  ', '    ', '\t', '- ', '* ', '+ ', '1. ', '2) ', '10. ', '> ', '# ', '## '],
      ...['```', '````', '~~~', '`', '---', '***', '===', '|', 'a | b', '|---|---|', '| 1 | 2 |', '<div>', '</div>'],
      ...['<!--', '-->', '<script>', '</script>', '<pre>', '</pre>', '<?', '?>', '[a]: https://x.y', '[a]', '![b](c)'],
      ...['**', '_', '~~', '[x] ', '[ ] ', '\\', '&amp;', '\r\n', '\r', 'word', 'two words', '1', '字', '-', '=', '<'],
    )
    fc.assert(
      fc.property(fc.array(lines, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 30 }), (parts, places) => {
        const text = parts.join('')
        expect(inPieces(cut(text, places))).toEqual([...readMarkdown(text.replace(/\r$/, ''))])
      }),
      { numRuns: 2_000 },
    )
  })

  test('is a paragraph, if the line below is no line of dashes in the end', () => {
    expect(inPieces(['|\n2) \n---', 'word'])).toEqual([...readMarkdown('|\n2) \n---word')])
  })

  test('is read anew if it is another text', () => {
    const reader = new MarkdownReader()
    reader.update('# One\n\nTwo\n\nThree\n\nFour')
    expect(reader.update('Other').map(({ blocks }) => blocks)).toEqual([[...readMarkdown('Other')]])
  })

  test('keeps the sections that are finished, and only reads the end again', () => {
    const reader = new MarkdownReader()
    const paragraphs = Array.from({ length: 50 }, (_, at) => `Paragraph ${at}.\n\n`)
    let text = ''
    for (const paragraph of paragraphs) reader.update((text += paragraph))
    const before = reader.update(`${text}More`)
    const after = reader.update(`${text}More and more`)
    const kept = after.filter((section, at) => section === before[at])
    expect(after).toHaveLength(51)
    expect(kept.length).toBeGreaterThanOrEqual(48)
  })
})

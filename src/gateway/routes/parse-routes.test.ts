import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { columnOf } from './cursor.ts'
import { parseRoutes } from './parse-routes.ts'
import type { RouteNode } from './route-tree.ts'
import { drawRoute, writeRoute } from './write-route.ts'

const treeOf = (expression: string) => parseRoutes(`x = ${expression}`).definitions[0]?.tree

/** The tree without the places of its names. */
function shapeOf(node: RouteNode): unknown {
  if (node.kind !== 'model') return { ...node, members: node.members.map(shapeOf) }
  const { at: _, ...shape } = node
  return shape
}

test('weights hold most tightly, then +, | and >, and options hold least', () => {
  for (const [loose, strict] of [
    ['a + b | c*2 > d', '((a + b) | (c)*2) > d'],
    ['a > b | c + d', 'a > (b | (c + d))'],
    ['a|b>c|d', '(a | b) > (c | d)'],
    ['a > b @ hedge', '(a > b) @ hedge'],
    ['( ( a ) )', 'a'],
  ] as const)
    expect([loose, shapeOf(treeOf(loose) ?? missing)]).toEqual([loose, shapeOf(treeOf(strict) ?? missing)])
  expect(treeOf('(a > b) > c')).not.toEqual(treeOf('a > b > c'))
})

const missing: RouteNode = { kind: 'model', name: 'nothing was parsed' }

test('names are those of models, with their own @, : and /; comments and empty lines say nothing', () => {
  const { definitions, faults } = parseRoutes(
    '# first\n\np=cf/@cf/meta/llama#3 > v/claude@2024-01 ;;q.1:2/s-3 = o/gpt:free@hedge # a; b = c > > d\n#r = a',
  )
  expect(faults).toEqual([])
  expect(definitions.map(({ name, at, tree }) => [name, at, writeRoute(tree)])).toEqual([
    ['p', 9, 'cf/@cf/meta/llama#3 > v/claude@2024-01'],
    ['q.1:2/s-3', 52, 'o/gpt:free @ hedge'],
  ])
})

test('options have times in seconds or with a unit, and those inside win over those outside', () => {
  expect(treeOf('a @ first=1.5, idle = 2m, nocontinue,hedge')?.settings).toEqual({
    firstMs: 1_500,
    idleMs: 120_000,
    continues: false,
    hedges: true,
  })
  expect(treeOf('((a @ first=10ms) @ first=1h, continue)')?.settings).toEqual({ firstMs: 10, continues: true })
  expect(treeOf('a')?.settings).toBeUndefined()
})

const wrong: readonly (readonly [text: string, at: number, problem: RegExp])[] = [
  ['x', 1, /ends where the = after the name/],
  ['= a', 0, /has "= a" where the name of a route/],
  ['two words = a', 4, /has "words = a" where the =/],
  ['x:tools = a', 0, /the name of a route/],
  ['x =', 3, /ends where a model or a route/],
  ['x = a > > b', 8, /has "> b" where a model or a route/],
  ['x = a +', 7, /ends where a model/],
  ['x = a b', 6, /has "b" where an operator/],
  ['x = (a | b', 10, /ends where an operator or the closing/],
  ['x = a)', 5, /has "\)" where an operator/],
  ['x = ()', 5, /has "\)" where a model/],
  ['x = a*3 > b', 5, /weight to what is not balanced/],
  ['x = a*3', 5, /weight to what is not balanced/],
  ['x = a + b*2 | c', 9, /weight to what is not balanced/],
  ['x = a*0 | b', 6, /has "0 \| b" where a weight/],
  ['x = a*1001 | b', 6, /a weight over 0, up to 1000/],
  ['x = a*b | c', 6, /where a weight/],
  ['x = a @', 7, /ends where an option/],
  ['x = a @ quick', 8, /has "quick" where an option/],
  ['x = a @ toString', 8, /has "toString" where an option/],
  ['x = a @ first', 13, /ends where the = of first/],
  ['x = a @ first=', 14, /ends where a time/],
  ['x = a @ idle=3 days', 15, /has "days" where an operator/],
  ['x = a @ idle=25h', 13, /a time of up to 24 hours/],
  ['x = a @ hedge, hedge', 15, /for the second time/],
  ['x = a @ continue, nocontinue', 18, /for the second time/],
  ['y = b\nx = a @ hedge > c', 20, /has "> c" where an operator/],
]
describe('a mistake is reported at its character:', () => {
  for (const [text, at, problem] of wrong)
    test(text, () => {
      const { faults } = parseRoutes(text)
      expect(faults).toMatchObject([{ at, problem: expect.stringMatching(problem) }])
      expect(faults[0]?.remedy).not.toBe('')
    })

  test('each wrong line has its own, and the others are read', () => {
    const { definitions, faults } = parseRoutes('p = a > ; q = b\n r = \n s = (c')
    expect(definitions.map(({ name }) => name)).toEqual(['q'])
    expect(faults.map(({ at }) => at)).toEqual([8, 21, 29])
    expect(columnOf('p = a\n r = ', 11)).toBe(6)
  })
})

const settings = fc.record(
  { firstMs: fc.integer({ min: 1, max: 86_400_000 }), idleMs: fc.constant(600_000), hedges: fc.constant(true) },
  { requiredKeys: [] },
)
const weight = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constantFrom(0.5, 2.25))
const { node } = fc.letrec<{ node: RouteNode; group: RouteNode; model: RouteNode }>((tie) => {
  const optional = fc.option(settings, { nil: undefined })
  const withSettings = (kind: RouteNode, given: RouteNode['settings']) =>
    given && Object.keys(given).length > 0 ? { ...kind, settings: given } : kind
  return {
    model: fc
      .tuple(fc.constantFrom('openai/gpt-5', 'a/@cf/b', 'v/claude@2024', 'bare', 'route.1:x'), optional)
      .map(([name, given]) => withSettings({ kind: 'model', name }, given)),
    group: fc
      .tuple(
        fc.constantFrom('failover' as const, 'balance' as const, 'panel' as const),
        fc.array(fc.tuple(tie('node'), fc.option(weight, { nil: undefined })), { minLength: 2, maxLength: 4 }),
        optional,
      )
      .map(([kind, members, given]) => {
        const weighted = members.map(([one, share]) =>
          kind === 'balance' && share !== undefined ? { ...one, weight: share } : one,
        )
        return withSettings({ kind, members: weighted }, given)
      }),
    node: fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('model'), tie('group')),
  }
})

test('a route that is written is parsed to the same route', () => {
  fc.assert(
    fc.property(node, (tree) => {
      const { definitions, faults } = parseRoutes(`x = ${writeRoute(tree)}`)
      expect(faults).toEqual([])
      expect(definitions.map((one) => shapeOf(one.tree))).toEqual([shapeOf(tree)])
      expect(drawRoute(tree).length).toBeGreaterThan(0)
    }),
    { numRuns: 500 },
  )
})

test('whatever is written, each line is read or has one fault inside it', () => {
  const piece = fc.constantFrom(...'ab/x=>|+*()@,;#\n 135'.split(''), 'first=', 'hedge', 'p = a', ' > ')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('')
      const { definitions, faults } = parseRoutes(text)
      const uncommented = text.replaceAll(/(?<![^\s;])#[^\n]*/g, '')
      const statements = uncommented.split(/[;\n]/).filter((one) => one.trim() !== '')
      expect(definitions.length + faults.length).toBe(statements.length)
      for (const { at } of faults) expect(at >= 0 && at <= text.length).toBe(true)
    }),
    { numRuns: 1_000 },
  )
})

test('the tree of a route has a line for each part', () => {
  const tree = treeOf('openai/gpt-5 > (a/x*3 | (b/y + c/z @ idle=9s)) @ first=30s')
  expect(tree && drawRoute(tree)).toEqual([
    'in order, until one answers @ first=30s',
    '  openai/gpt-5',
    '  one of these, the quickest first',
    '    a/x *3',
    '    all of these at once @ idle=9s',
    '      b/y',
    '      c/z',
  ])
})

test('parentheses within parentheses without end have a problem of their own', () => {
  const nested = (count: number) => parseRoutes(`x = ${'('.repeat(count)}a > b${')'.repeat(count)}`)
  expect(nested(100).faults).toEqual([])
  expect(nested(20_000).faults[0]?.problem).toContain('at most 100 parentheses')
})

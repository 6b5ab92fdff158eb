import { afterAll, beforeAll, expect, test } from 'bun:test'
import { build } from '../test/e2e/program.ts'
import { scoreOf } from './card/card.ts'
import { terminalCard } from './card/terminal.ts'
import { tributary } from './recipes/tributary.ts'
import { withSubject } from './recipes/with-subject.ts'
import { sections } from './sections/index.ts'
import type { Result } from './suite/check.ts'
import { runSuite } from './suite/run-suite.ts'
import { Upstream } from './upstream/server.ts'

/** Sections in which an upstream of another dialect is another case; the others are made before an upstream of the same one. */
const ofDialects = ['stream', 'abort', 'tool', 'reasoning', 'usage', 'translate', 'cut', 'error']
const isOfDialects = (name: string) => ofDialects.includes(name)

const isFull = process.env.TRIBUTARY_TEST_FULL === '1'

/** What is measured needs a gateway for itself, and takes longer than the rest. */
const ofMeasure = ['slow', 'leak']
const made = sections.filter(({ name }) => isFull || !ofMeasure.includes(name))

let upstream: Upstream
let results: readonly Result[] = []

beforeAll(async () => {
  await build()
  upstream = await Upstream.open()
  results = await withSubject(tributary, upstream.port, async ({ target }) => {
    const options = { upstream, effort: 'quick' } as const
    const equal = { ...target, lanes: target.lanes.slice(0, 3) }
    const others = made.filter(({ name }) => !isOfDialects(name))
    return [
      ...(await runSuite(target, { ...options, sections: sections.filter(({ name }) => isOfDialects(name)) })),
      ...(await runSuite(isFull ? target : equal, { ...options, sections: others })),
    ]
  })
}, 240_000)
afterAll(() => upstream.close())

test('this gateway passes every check, on each surface before each upstream', () => {
  const card = { gateway: 'tributary', version: '', date: '', command: '', results }
  if (scoreOf(results).failed > 0) throw new Error(terminalCard(card, sections))
  expect(scoreOf(results).passed).toBeGreaterThan(300)
})

test('each check is made somewhere, but for that of prices, which our answers do not state in a header', () => {
  const passed = new Set(results.flatMap(({ check, outcome }) => (outcome === 'pass' ? [check] : [])))
  const all = made.flatMap(({ checks }) => checks.map(({ id }) => id))
  expect(all.filter((id) => !passed.has(id))).toEqual(['usage/cost'])
})

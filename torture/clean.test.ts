import { expect, test } from 'bun:test'
import { build } from '../test/e2e/program.ts'
import { scoreOf } from './card/card.ts'
import { terminalCard } from './card/terminal.ts'
import { tributary } from './recipes/tributary.ts'
import { withSubject } from './recipes/with-subject.ts'
import { sections } from './sections/index.ts'
import { runSuite } from './suite/run-suite.ts'
import { Upstream } from './upstream/server.ts'

test('this gateway passes every check, on each surface before each upstream', async () => {
  await build()
  const upstream = await Upstream.open()
  try {
    const results = await withSubject(tributary, upstream.port, ({ target }) =>
      runSuite(target, { upstream, effort: 'quick', sections }),
    )
    const { passed, failed } = scoreOf(results)
    const card = { gateway: 'tributary', version: '', date: '', command: '', results }
    if (failed > 0) throw new Error(terminalCard(card, sections))
    // each lane is offered, and each check is made somewhere
    const made = new Set(results.flatMap(({ check, outcome }) => (outcome === 'pass' ? [check] : [])))
    expect(sections.flatMap(({ checks }) => checks.map(({ id }) => id)).filter((id) => !made.has(id))).toEqual([])
    expect(passed).toBeGreaterThan(9)
  } finally {
    await upstream.close()
  }
}, 120_000)

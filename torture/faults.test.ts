import { afterAll, describe, expect, test } from 'bun:test'
import type { Fault } from './bad-gateway/fault.ts'
import { faults } from './bad-gateway/faults.ts'
import { BadGateway } from './bad-gateway/gateway.ts'
import { sections } from './sections/index.ts'
import type { Result } from './suite/check.ts'
import { runSuite } from './suite/run-suite.ts'
import { type Surface, surfaces } from './talk/surface.ts'
import { Upstream } from './upstream/server.ts'

const upstream = await Upstream.open()
afterAll(() => upstream.close())

const checks = sections.flatMap((section) => section.checks)

/** Makes checks of a new bad gateway. */
async function grade(fault: Fault | undefined, surface: Surface, only?: readonly string[]): Promise<readonly Result[]> {
  const gateway = await BadGateway.open(upstream.port, fault)
  try {
    const { url, key } = gateway
    const lanes = [{ name: surface, surface, model: 'torture' }]
    return await runSuite({ url, key, lanes }, { upstream, effort: 'quick', sections, ...(only && { only }) })
  } finally {
    await gateway.close()
  }
}

/** Makes each check that the fault must turn red, on each surface and before a gateway of its own, all at once. */
async function turned(fault: Fault): Promise<readonly Result[]> {
  const runs = (fault.surfaces ?? surfaces).flatMap((surface) =>
    fault.turns.map(async (check) => {
      const results = await grade(fault, surface, [check])
      return results.filter((result) => result.check === check)
    }),
  )
  return (await Promise.all(runs)).flat()
}

const shown = ({ check, lane, outcome, note }: Result) => `${outcome} ${check} (${lane}): ${note}`

describe('the bad gateway', () => {
  for (const surface of surfaces)
    test(`passes every check of ${surface} when no fault is planted`, async () => {
      const results = await grade(undefined, surface)
      expect(results.filter(({ outcome }) => outcome === 'fail').map(shown)).toEqual([])
      const passed = results.filter(({ outcome }) => outcome === 'pass')
      expect(passed.length).toBeGreaterThan(checks.length / 2)
    })

  for (const fault of faults)
    test.concurrent(`fails where ${fault.name}`, async () => {
      const results = await turned(fault)
      expect(results.filter(({ outcome }) => outcome !== 'fail').map(shown)).toEqual([])
      expect(new Set(results.map(({ check }) => check))).toEqual(new Set(fault.turns))
    })

  test('has a fault for each check', () => {
    const covered = new Set(faults.flatMap(({ turns }) => turns))
    expect(checks.map(({ id }) => id).filter((id) => !covered.has(id))).toEqual([])
  })
})

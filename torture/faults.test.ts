import { afterAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Fault } from './bad-gateway/fault.ts'
import { faults } from './bad-gateway/faults/index.ts'
import { BadGateway, key } from './bad-gateway/gateway.ts'
import { prices } from './bad-gateway/whole-reply.ts'
import { sections } from './sections/index.ts'
import type { Result } from './suite/check.ts'
import { runSuite } from './suite/run-suite.ts'
import { type Surface, surfaces } from './talk/surface.ts'
import { Upstream } from './upstream/server.ts'

const upstream = await Upstream.open()
afterAll(() => upstream.close())

const isFull = process.env.TRIBUTARY_TEST_FULL === '1'

const checks = sections.flatMap((section) => section.checks)
/** What needs a gateway for itself takes longer than all the rest. */
const measured = new Set(faults.flatMap(({ turns, isMeasured }) => (isMeasured ? turns : [])))

interface Running {
  readonly url: string
  readonly key: string
  readonly pid?: number
  close(): Promise<unknown>
}

/** Starts the bad gateway in a process of its own, so that its memory can be measured. */
async function startProcess(fault: Fault | undefined): Promise<Running> {
  const program = join(import.meta.dir, 'bad-gateway/main.ts')
  const command = [process.execPath, program, String(upstream.port), ...(fault ? [fault.name] : [])]
  const child = Bun.spawn(command, { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
  const { value } = await child.stdout.getReader().read()
  const close = async () => {
    await child.stdin.end()
    await child.exited
  }
  return { url: new TextDecoder().decode(value).trim(), key, pid: child.pid, close }
}

/** Makes checks of a new bad gateway. */
async function grade(
  fault: Fault | undefined,
  surfaces: readonly Surface[],
  only?: readonly string[],
): Promise<readonly Result[]> {
  const isMeasured = !fault || fault.isMeasured
  const gateway = isMeasured ? await startProcess(fault) : await BadGateway.open(upstream.port, fault)
  try {
    const { url, key } = gateway
    const lanes = surfaces.map((surface) => ({ name: surface, surface, model: 'torture' }))
    const target = { url, key, lanes, prices, ...('pid' in gateway && { pid: gateway.pid }) }
    return await runSuite(target, { upstream, effort: 'quick', sections, ...(only && { only }) })
  } finally {
    await gateway.close()
  }
}

/** Makes each check that the fault must turn red, on each surface and before a gateway of its own, all at once. */
async function turned(fault: Fault): Promise<readonly Result[]> {
  const named = fault.surfaces ?? surfaces
  // what is measured is measured once, over all surfaces
  const lanes = fault.isMeasured ? [named] : named.map((surface) => [surface])
  const runs = lanes.flatMap((each) =>
    fault.turns.map(async (check) => {
      const results = await grade(fault, each, [check])
      return results.filter((result) => result.check === check)
    }),
  )
  return (await Promise.all(runs)).flat()
}

const shown = ({ check, lane, outcome, note }: Result) => `${outcome} ${check} (${lane}): ${note}`

describe('the bad gateway', () => {
  test('passes every check when no fault is planted', async () => {
    const wanted = checks.map(({ id }) => id).filter((id) => isFull || !measured.has(id))
    const results = await grade(undefined, surfaces, wanted)
    expect(results.filter(({ outcome }) => outcome === 'fail').map(shown)).toEqual([])
    const made = new Set(results.flatMap(({ check, outcome }) => (outcome === 'pass' ? [check] : [])))
    expect(wanted.filter((id) => !made.has(id))).toEqual([])
  }, 120_000)

  test('gets no point where it answers nothing', async () => {
    const results = await grade({ name: 'it is dead', turns: [], switches: { isDead: true } }, surfaces)
    expect(results.map(({ outcome }) => outcome)).toEqual(['fail', 'fail', 'fail'])
  })

  for (const fault of faults)
    (fault.isMeasured ? test.if(isFull) : test.concurrent)(
      `fails where ${fault.name}`,
      async () => {
        const results = await turned(fault)
        expect(results.filter(({ outcome }) => outcome !== 'fail').map(shown)).toEqual([])
        expect(new Set(results.map(({ check }) => check))).toEqual(new Set(fault.turns))
      },
      60_000,
    )

  test('has a fault for each check', () => {
    const covered = new Set(faults.flatMap(({ turns }) => turns))
    expect(checks.map(({ id }) => id).filter((id) => !covered.has(id))).toEqual([])
  })
})

import { Failure, NotApplicable } from '../lab/failure.ts'
import { type Effort, Lab } from '../lab/lab.ts'
import type { Lane, Target } from '../lab/target.ts'
import { sleep } from '../lab/waiting.ts'
import type { Upstream } from '../upstream/server.ts'
import type { Check, Result, Section } from './check.ts'
import { evidenceOf } from './evidence.ts'

export interface SuiteOptions {
  readonly upstream: Upstream
  readonly effort: Effort
  readonly sections: readonly Section[]
  /** Only these checks. */
  readonly only?: readonly string[]
  onResult?(result: Result): void
}

/** Milliseconds in which a gateway must ask an upstream again that has failed. */
const recoveryMs = 60_000

/** Makes all checks, one after the other. */
export async function runSuite(target: Target, options: SuiteOptions): Promise<readonly Result[]> {
  const results: Result[] = []
  const add = (result: Result) => {
    results.push(result)
    options.onResult?.(result)
  }
  const lanes: Lane[] = []
  for (const lane of target.lanes) {
    const result = await tryCheck(offered, new Lab(target, lane, options))
    add(result)
    if (result.outcome === 'pass') lanes.push(lane)
  }
  // a gateway may rest an upstream that has failed: the next check begins when it is asked again
  let spoiled: Lab | undefined
  for (const check of options.sections.flatMap((section) => section.checks)) {
    if (options.only && !options.only.includes(check.id)) continue
    const labs = lanesOf(check, lanes).map((lane) => new Lab({ ...target, lanes }, lane, options))
    for (const batch of check.together ? [labs] : labs.map((lab) => [lab])) {
      if (spoiled) await untilWell(spoiled)
      for (const result of await Promise.all(batch.map((lab) => tryCheck(check, lab)))) add(result)
      spoiled = check.spoils ? batch[0] : undefined
    }
  }
  return results
}

/** The surface exists. A gateway is not graded on one that it does not have. */
const offered: Check = {
  id: 'offered',
  claim: 'The surface answers a plain request.',
  per: 'lane',
  async run(lab) {
    const { status, reading, conversation } = await lab.ask({ isStream: false })
    if ([404, 405, 501].includes(status)) throw new NotApplicable(`the surface is not offered (status ${status})`)
    if (status !== 200 || reading.pieces.length === 0)
      throw new Failure(`a plain request is not answered: status ${status}`, conversation)
    if (conversation.exchanges.length === 0) throw new Failure('the answer is not from our upstream', conversation)
    return `asks the upstream by ${conversation.exchanges[0]?.head.start.split(' ')[1]}`
  },
}

function lanesOf({ per }: Check, lanes: readonly Lane[]): readonly Lane[] {
  if (per === 'gateway') return lanes.slice(0, 1)
  if (per === 'lane') return lanes
  return lanes.filter(({ surface }, at) => lanes.findIndex((lane) => lane.surface === surface) === at)
}

async function tryCheck(check: Check, lab: Lab): Promise<Result> {
  const begun = performance.now()
  const named = { check: check.id, lane: check.per === 'gateway' ? 'all' : lab.lane.name }
  const result = (outcome: Result['outcome'], note?: string): Result => {
    return { ...named, outcome, ...(note !== undefined && { note }), ms: Math.round(performance.now() - begun) }
  }
  try {
    if (check.needs && lab.target[check.needs] === undefined) return result('skip', `needs --${check.needs}`)
    return result('pass', await check.run(lab))
  } catch (error) {
    if (error instanceof NotApplicable) return result('skip', error.message)
    const conversation = (error instanceof Failure ? error.conversation : undefined) ?? lab.last
    const failed = result('fail', error instanceof Error ? error.message : String(error))
    return conversation ? { ...failed, evidence: evidenceOf(conversation, lab.target) } : failed
  } finally {
    lab.close()
  }
}

/** Asks until the upstream is asked again. */
async function untilWell(lab: Lab): Promise<void> {
  const end = performance.now() + recoveryMs
  for (let waitMs = 10; performance.now() < end; waitMs = Math.min(1000, waitMs * 2)) {
    const got = await lab.ask({ isStream: false }).catch(() => undefined)
    if (got?.status === 200 && got.conversation.exchanges.length > 0) return
    await sleep(waitMs)
  }
}

import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'
import type { Catalog } from './catalog.ts'
import type { DriftLog } from './drift-log.ts'
import { examine, type Finding } from './examine.ts'
import type { UpstreamHealth } from './health/upstream-health.ts'
import type { Member } from './known-models.ts'

/** Tests the accounts of a running gateway for its operator. */
export interface Examiner {
  /**
   * Tests every account of an upstream. It uses the accounts of the running gateway, so a renewal is kept, and each
   * finding changes the state of its account. A second request during a test gets the same findings.
   * @returns undefined if the upstream does not exist
   */
  test(name: string): Promise<readonly Finding[]> | undefined
}

export interface ExaminerOptions {
  readonly store: Store
  readonly drifts?: DriftLog
  readonly log: Logger
  readonly runtime: Runtime
  /** Milliseconds for one account. */
  readonly deadlineMs: number
  /** Is told which upstream has answered. */
  readonly catalog: Pick<Catalog, 'noteReached'>
}

/** An upstream that is asked again at once if a test shows that it answers. */
interface ExaminedMember extends Member {
  readonly health: Pick<UpstreamHealth, 'noteReached'>
}

export function openExaminer(members: readonly ExaminedMember[], options: ExaminerOptions): Examiner {
  const running = new Map<string, Promise<readonly Finding[]>>()
  const test = async ({ upstream, pool, health }: ExaminedMember): Promise<readonly Finding[]> => {
    const findings = await examine(upstream, { ...options, pool })
    if (findings.some(({ error }) => !error)) {
      health.noteReached('answered')
      options.catalog.noteReached(upstream.name)
    }
    return findings
  }
  const start = (member: ExaminedMember): Promise<readonly Finding[]> => {
    const findings = test(member).finally(() => running.delete(member.upstream.name))
    running.set(member.upstream.name, findings)
    return findings
  }
  return {
    test(name) {
      const member = members.find(({ upstream }) => upstream.name === name)
      return member && (running.get(name) ?? start(member))
    },
  }
}

import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from '../state/store.ts'
import { examine, type Finding } from './examine.ts'
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
  readonly log: Logger
  readonly runtime: Runtime
  /** Milliseconds for one account. */
  readonly deadlineMs: number
}

export function openExaminer(members: readonly Member[], options: ExaminerOptions): Examiner {
  const running = new Map<string, Promise<readonly Finding[]>>()
  const start = ({ upstream, pool }: Member): Promise<readonly Finding[]> => {
    const findings = examine(upstream, { ...options, pool }).finally(() => running.delete(upstream.name))
    running.set(upstream.name, findings)
    return findings
  }
  return {
    test(name) {
      const member = members.find(({ upstream }) => upstream.name === name)
      return member && (running.get(name) ?? start(member))
    },
  }
}

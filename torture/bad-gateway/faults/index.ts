import type { Fault } from '../fault.ts'
import { answerFaults } from './of-answers.ts'
import { requestFaults } from './of-requests.ts'
import { wholeFaults } from './of-the-whole.ts'

/** All faults of the bad gateway. Each check is turned red by at least one. */
export const faults: readonly Fault[] = [...answerFaults, ...requestFaults, ...wholeFaults]

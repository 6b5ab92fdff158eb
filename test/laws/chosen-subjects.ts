import type { Subject } from './subject.ts'
import { subjects } from './subjects.ts'

const only = process.env.TRIBUTARY_TEST_SUBJECT

/** Every provider that the laws are tested with. With `TRIBUTARY_TEST_SUBJECT=NAME` it is only that one. */
export const chosenSubjects: readonly Subject[] = subjects.filter(({ name }) => only === undefined || name === only)

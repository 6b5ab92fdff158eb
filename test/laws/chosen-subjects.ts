import type { Subject } from './subject.ts'
import { subjects } from './subjects.ts'

const only = process.env.TRIBUTARY_TEST_SUBJECT

/** Every provider the laws are held against; with `TRIBUTARY_TEST_SUBJECT=NAME` that one alone. */
export const chosenSubjects: readonly Subject[] = subjects.filter(({ name }) => only === undefined || name === only)

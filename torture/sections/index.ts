import type { Section } from '../suite/check.ts'
import { abort } from './abort.ts'

/** All sections, in the order in which they are run. */
export const sections: readonly Section[] = [abort]

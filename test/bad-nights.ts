/** Nights on which something is wrong, each staged for real: what the program needs somebody for is then seen in the overview. */
import { accountNights } from './nights/account-nights.ts'
import { keyNights } from './nights/key-nights.ts'
import { programNights } from './nights/program-nights.ts'
import type { Night } from './nights/rig.ts'
import { upstreamNights } from './nights/upstream-nights.ts'

/** Every kind of need at least once. */
export const nights: readonly Night[] = [...accountNights, ...upstreamNights, ...keyNights, ...programNights]

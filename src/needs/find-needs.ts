import { findAccountNeeds } from './account-needs.ts'
import { findDrift } from './find-drift.ts'
import { findKeyNeeds } from './key-needs.ts'
import type { Look } from './look.ts'
import type { FoundNeed } from './need.ts'
import { findProgramNeeds } from './program-needs.ts'
import { findUpstreamNeeds } from './upstream-needs.ts'

/** Everything that needs somebody in this state of the program, in no order. */
export function findNeeds(look: Look): readonly FoundNeed[] {
  const { gateway, now } = look
  return [
    ...gateway.upstreams.flatMap((upstream) => [
      ...findUpstreamNeeds(upstream, now),
      ...findAccountNeeds(upstream, now),
      ...findDrift(upstream, now),
    ]),
    ...findKeyNeeds(look),
    ...findProgramNeeds(look),
  ]
}

import type { Problem } from '../providers/provider.ts'
import type { Config } from './config.ts'

/** Variables that the operator has added while the program ran, by name. */
export type KeptValues = Readonly<Record<string, string>>

/** The configuration with the variables of the state, as far as they fit. */
export interface KeptConfig {
  readonly config: Config
  /** The variables of the state that it uses. */
  readonly used: KeptValues
  /** Why the others are not used. They stay in the state. */
  readonly problems: readonly Problem[]
  /** Whether the configuration itself cannot be read any more, such as a file that a variable names. */
  readonly isBroken?: true
}

/**
 * Adds the variables of the state. They must never prevent a start, so those that do not fit are left out: the environment may have
 * changed since they were added, and so may this program.
 */
export function applyKept(config: Config, kept: KeptValues): KeptConfig {
  if (Object.keys(kept).length === 0) return { config, used: kept, problems: [] }
  const all = config.withKept(kept)
  if (!('problems' in all)) return { config: all, used: kept, problems: [] }
  if ('problems' in config.withKept({})) return { config, used: {}, problems: all.problems, isBroken: true }
  return { ...mostOf(config, Object.entries(kept)), problems: all.problems }
}

/** Adds one variable after the other, again and again, because one may need another: a key needs its address. */
function mostOf(config: Config, kept: readonly (readonly [string, string])[]): Omit<KeptConfig, 'problems'> {
  let left = kept
  let used: KeptValues = {}
  let best = config
  for (let before = left.length + 1; left.length < before; ) {
    before = left.length
    left = left.filter(([name, value]) => {
      const next = { ...used, [name]: value }
      const read = config.withKept(next)
      if ('problems' in read) return true
      used = next
      best = read
      return false
    })
  }
  return { config: best, used }
}

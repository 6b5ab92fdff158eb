import { namesSecretFile } from './secret-files.ts'
import type { Origins } from './setting.ts'
import { type RawVariables, SpelledValues } from './spelled-values.ts'
import { findSpellings } from './spellings.ts'

/** Where the operator sees that a variable comes from the state. */
const fromState = 'the state'

/**
 * Adds the variables of the state to those of the environment, which win. The state may not name a file in place of a value: the key of
 * an admin must not be enough to read files of this machine, and to send them to an address.
 */
export function mergeKept(
  kept: RawVariables,
  variables: RawVariables,
  origins: Origins,
): { readonly variables: RawVariables; readonly origins: Origins } {
  const set = new SpelledValues(variables)
  const added = Object.entries(kept).filter(([name]) => set.get(name) === undefined && !namesSecretFile(name))
  const names = added.map(([name]) => name)
  return {
    variables: { ...variables, ...Object.fromEntries(added) },
    origins: {
      ...origins,
      of: new Map([...origins.of, ...names.map((name): [string, string] => [name, fromState])]),
      inState: new Set(names),
    },
  }
}

/** Our name of a variable that is written in another spelling; otherwise the name itself. */
export function ownNameOf(name: string): string {
  return (
    findSpellings(new Set([name]))
      .keys()
      .next().value ?? name
  )
}

import { type ComparedName, type Effort, likelyEdits, mayBeWithin, nearestName, prepareName } from './near-name.ts'

/** What is known of the names of variables after the configuration has been read. */
export interface NamesInUse {
  /** The names that the program has read. */
  readonly read: ReadonlySet<string>
  /** Whether a name was read, or is another spelling of a name that was read. */
  isKnown(name: string): boolean
  /** Whether a name that was read has a value. */
  isSet(name: string): boolean
}

/** Comparisons take 0.1 s at most. If a name is unknown a thousand times, one suggestion is enough. */
const maxComparisons = 50_000

/**
 * Warns of all unknown names in the file, because the file is only for this program.
 * @param inFile the variables in the file, each with its place
 */
export function unknownInFile(inFile: ReadonlyMap<string, string>, { read, isKnown }: NamesInUse): string[] {
  const unknown = [...inFile].filter(([name]) => !isKnown(name) && !isOfRuntime(name))
  const known = unknown.length > 0 ? [...read].map(prepareName) : []
  const effort = { left: maxComparisons }
  const described = unknown.map(
    ([name, place]) => `${place}: ${describeUnknown(name, nearestName(prepareName(name), known, effort))}`,
  )
  const misplaced = [...inFile]
    .filter(([name]) => isOfRuntime(name))
    .map(([name, place]) => `${place}: ${name} has no effect in a file: the runtime reads it from the environment.`)
  return [...described, ...misplaced]
}

/**
 * Warns of unknown names in the environment that are similar to one of ours. All others belong to other programs.
 * @param names the names that the environment sets
 */
export function unknownInEnvironment(names: readonly string[], { read, isKnown, isSet }: NamesInUse): string[] {
  const unset = [...read].filter((name) => name.length > 5 && !isSet(name)).map(prepareName)
  const effort = { left: maxComparisons }
  return names
    .filter((name) => !isKnown(name))
    .flatMap((name) => {
      const asked = prepareName(name)
      const similar = unset.filter((other) => isProbablyOurs(asked, other, effort))
      const meant = nearestName(asked, similar, effort)
      return meant === undefined && !name.startsWith('UPSTREAM_') ? [] : [describeUnknown(name, meant)]
    })
}

/** Variables that Bun itself reads from the process's environment, and never from our file. */
const ofRuntime = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY', 'BUN_CONFIG_MAX_HTTP_REQUESTS'])

function isOfRuntime(name: string): boolean {
  return ofRuntime.has(name.toUpperCase()) || name.startsWith('BUN_JSC_')
}

function describeUnknown(name: string, nearest: string | undefined): string {
  const words = `${name} is not a variable of tributary.`
  return nearest === undefined ? words : `${words} Did you mean ${nearest}?`
}

const maxOwnEdits = 2

/**
 * Whether a name of the environment is meant to be ours. With the same first word it may differ by two edits,
 * otherwise by one at most.
 */
function isProbablyOurs(asked: ComparedName, other: ComparedName, effort: Effort): boolean {
  if (asked.skeleton === other.skeleton) return true
  // most names end here, so that a start does not split all of them
  if (!mayBeWithin(asked, other, maxOwnEdits)) return false
  const max = firstWord(asked.name) === firstWord(other.name) ? maxOwnEdits : asked.name.length >= 10 ? 1 : 0
  return likelyEdits(asked, other, { max, effort }) <= max
}

function firstWord(name: string): string {
  return name.split('_', 1)[0] ?? name
}

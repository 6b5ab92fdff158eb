/**
 * Plants each fault of `faults.ts` in a copy of the source, and simulates the night of `found-by.ts` that finds it:
 * `bun run simulate:faults`, or with names of faults. With `--search`, or if that night does not find it any more, it tries the seeds
 * from 1 on. It takes minutes, so it is not part of the suite.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type CopiedTree, copyTree } from '../mutations/copied-tree.ts'
import type { Fault } from '../mutations/mutation.ts'
import { simulateAll } from './farm.ts'
import { faults } from './faults.ts'
import { foundBy } from './found-by.ts'
import { simulate } from './night.ts'

/** A fault that so many nights do not find is not found. */
const maxSeeds = Number(process.env.SIMULATE_FAULT_SEEDS ?? 100_000)

const { values, positionals: names } = parseArgs({
  options: { search: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const chosen = faults.filter(({ name }) => names.length === 0 || names.includes(name))

interface Found {
  /** How many nights were simulated until it was found. */
  readonly seeds: number
  readonly seed: number
  readonly why: string
}

interface Nights {
  readonly first: number
  readonly count: number
}

async function find(tree: CopiedTree, nights: Nights): Promise<Found | undefined> {
  let seeds = 0
  let found: Found | undefined
  await simulateAll({
    ...{ ...nights, processes: availableParallelism(), root: tree.folder },
    onVerdict({ seed, wrong: [why] }) {
      seeds++
      if (why !== undefined) found ??= { seeds, seed, why }
      return found === undefined
    },
  })
  return found
}

async function findKnown(tree: CopiedTree, { name }: Fault): Promise<Found | undefined> {
  const known = values.search ? undefined : foundBy[name]
  const found = known === undefined ? undefined : await find(tree, { first: known, count: 1 })
  return found ?? find(tree, { first: 1, count: maxSeeds })
}

/** A night counts only if it is sound without the fault. */
async function tryOne(tree: CopiedTree, fault: Fault): Promise<boolean> {
  try {
    const found = await tree.withFault(fault, () => findKnown(tree, fault))
    const isFound = found !== undefined && (await simulate(found.seed)).wrong.length === 0
    const how = found ? `after ${found.seeds} nights, by seed ${found.seed}: ${found.why.slice(0, 150)}` : 'NOT FOUND'
    console.log(`${isFound ? 'found ' : 'MISSED'} ${fault.name}: ${how}`)
    return isFound
  } catch (thrown) {
    console.log(`STALE  ${fault.name}: ${thrown instanceof Error ? thrown.message : thrown}`)
    return false
  }
}

await using tree = await copyTree(join(import.meta.dir, '../..'))
let missed = 0
for (const fault of chosen) if (!(await tryOne(tree, fault))) missed++
console.log(`${chosen.length - missed} of ${chosen.length} faults were found`)
process.exitCode = missed === 0 ? 0 : 1

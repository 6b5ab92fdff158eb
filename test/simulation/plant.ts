/**
 * Plants each fault of `faults.ts` in a copy of the source, and simulates nights until one finds it: `bun run simulate:faults`, or with
 * names of faults. It takes minutes, so it is not part of the suite.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type CopiedTree, copyTree } from '../mutations/copied-tree.ts'
import type { Fault } from '../mutations/mutation.ts'
import { simulateAll } from './farm.ts'
import { faults } from './faults.ts'
import { simulate } from './night.ts'

/** A fault that so many nights do not find is not found. */
const maxSeeds = Number(process.env.SIMULATE_FAULT_SEEDS ?? 100_000)

const names = process.argv.slice(2)
const chosen = faults.filter(({ name }) => names.length === 0 || names.includes(name))

interface Found {
  /** How many nights were simulated until it was found. */
  readonly seeds: number
  readonly seed: number
  readonly why: string
}

async function find(tree: CopiedTree): Promise<Found | undefined> {
  let seeds = 0
  let found: Found | undefined
  await simulateAll({
    ...{ first: 1, count: maxSeeds, processes: availableParallelism(), root: tree.folder },
    onVerdict({ seed, wrong: [why] }) {
      seeds++
      if (why !== undefined) found ??= { seeds, seed, why }
      return found === undefined
    },
  })
  return found
}

/** A night counts only if it is sound without the fault. */
async function tryOne(tree: CopiedTree, fault: Fault): Promise<boolean> {
  try {
    const found = await tree.withFault(fault, () => find(tree))
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

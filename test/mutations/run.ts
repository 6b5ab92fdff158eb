/**
 * Puts faults into a copy of the source, one at a time, and runs the tests that must notice each. `bun run mutate` tries all,
 * `bun run mutate NAME …` the named ones. It takes minutes, so it is not part of the suite.
 */
import { join } from 'node:path'
import { type CopiedTree, copyTree } from './copied-tree.ts'
import type { Mutation } from './mutation.ts'
import { mutations } from './mutations.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => mutations.every((mutation) => mutation.name !== name))
const chosen = mutations.filter(({ name }) => names.length === 0 || names.includes(name))

async function tryAll(tree: CopiedTree): Promise<boolean> {
  const tests = [...new Set(chosen.flatMap((mutation) => mutation.tests))]
  const { verdict, output } = await tree.run(tests)
  if (verdict !== 'passed') {
    console.error(`${output}\nThe tests ${verdict} without any fault. Mend that first.`)
    return false
  }
  console.log(`passed   ${tests.length} test files without any fault`)
  let unnoticed = 0
  for (const mutation of chosen) if (!(await tryOne(tree, mutation))) unnoticed++
  console.log(`${chosen.length - unnoticed} of ${chosen.length} faults were noticed`)
  return unnoticed === 0
}

async function tryOne(tree: CopiedTree, mutation: Mutation): Promise<boolean> {
  try {
    const { verdict, output } = await tree.runWith(mutation)
    const isNoticed = verdict === 'failed' || verdict === 'hung'
    console.log(
      `${verdict.padEnd(8)} ${mutation.name}${isNoticed ? '' : `: NOT NOTICED by ${mutation.tests.join(', ')}`}`,
    )
    if (verdict === 'broken') console.error(output.slice(-2_000))
    return isNoticed
  } catch (thrown) {
    console.log(`stale    ${mutation.name}: ${thrown instanceof Error ? thrown.message : thrown}`)
    return false
  }
}

if (unknown.length > 0) {
  console.error(
    `There is no mutation ${unknown.join(', ')}. There are: ${mutations.map(({ name }) => name).join(', ')}`,
  )
  process.exit(2)
}
await using tree = await copyTree(join(import.meta.dir, '../..'))
process.exitCode = (await tryAll(tree)) ? 0 : 1

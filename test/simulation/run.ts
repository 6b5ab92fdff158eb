/**
 * Simulates bad nights: `bun run simulate --seeds 2000` tries the seeds from 1 on, `--seed S` another first one. With `--seed S` alone
 * it prints the whole history of that night (docs/simulation.md).
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { simulateAll } from './farm.ts'
import { simulate } from './night.ts'
import { reportAll } from './report.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    processes: { type: 'string', default: String(availableParallelism()) },
    twice: { type: 'boolean', default: false },
  },
})

async function showOne(seed: number): Promise<number> {
  const { history, hash, wrong } = await simulate(seed)
  console.log(history.join('\n'))
  console.log(`seed ${seed}: ${hash}, ${wrong.length === 0 ? 'nothing is wrong' : `${wrong.length} things are wrong`}`)
  return wrong.length === 0 ? 0 : 1
}

async function tryAll(first: number, count: number): Promise<number> {
  const root = join(import.meta.dir, '../..')
  const report = reportAll(count)
  const chores = { first, count, processes: Number(values.processes), root }
  await simulateAll({ ...chores, onVerdict: report.take })
  // with another number of processes each seed follows other seeds, so that what one leaves in its process is seen
  if (values.twice) await simulateAll({ ...chores, processes: chores.processes + 1, onVerdict: report.takeAgain })
  return report.end()
}

const seed = Number(values.seed ?? 1)
process.exit(
  values.seeds === undefined && values.seed !== undefined
    ? await showOne(seed)
    : await tryAll(seed, Number(values.seeds ?? 2_000)),
)

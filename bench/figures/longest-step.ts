import type { Figure, Row, Run } from '../figure.ts'
import { type LargeCase, largeCases } from '../large-messages.ts'
import { startMeasured } from '../measured-server.ts'
import { judge } from '../rows.ts'

const rounds = 5
const goal = { must: 50 }
const kibPerMib = 1_024

/** Measures how long a large request or reply blocks the other requests. */
export const longestStep: Figure = { name: 'longest step of a large message', isSlow: true, measure }

async function measure(run: Run): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const large of largeCases()) rows.push(await rowOf(large, run.rounds(rounds)))
  return rows
}

async function rowOf({ name, request, reply, status }: LargeCase, times: number): Promise<Row> {
  await using server = await startMeasured(reply)
  await server.measure(request, status)
  const steps: number[] = []
  const peaks: number[] = []
  for (let round = 0; round < times; round += 1) {
    const { longestMs, grownKib } = await server.measure(request, status)
    steps.push(longestMs)
    peaks.push(grownKib / kibPerMib)
  }
  const longest = Math.max(...steps)
  return {
    figure: `${name}: longest step in ms; peak memory in MiB`,
    values: new Map([['tributary', `${longest.toFixed(0)}; ${Math.max(...peaks).toFixed(0)}`]]),
    ...judge(longest, goal, { digits: 0, unit: 'ms' }),
  }
}

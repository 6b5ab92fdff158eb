import type { Target, TargetName } from './targets.ts'

/** A line of the table. The values are the printed texts. */
export type Row = {
  readonly figure: string
  readonly direct?: string
  readonly passThrough?: string
  readonly tributary: string
  readonly comparison?: string
  readonly target?: string
  readonly isMet?: boolean
}

/** How much is measured. Each function turns an amount of a full run into the amount of this run. */
export type Effort = {
  readonly rounds: (whole: number) => number
  readonly windowMs: (whole: number) => number
  readonly count: (whole: number) => number
}

export type Figure = {
  readonly name: string
  readonly measure: (effort: Effort) => Promise<readonly Row[]>
}

type PerTarget<Value> = Readonly<Record<TargetName, readonly Value[]>>

/** Measures the targets in turn, A B C A B C …. The first round only warms up, and its values are dropped. */
export async function interleave<Value>(
  targets: readonly Target[],
  rounds: number,
  measure: (target: Target) => Promise<Value>,
): Promise<PerTarget<Value>> {
  const found: Record<TargetName, Value[]> = { direct: [], 'pass-through': [], tributary: [] }
  for (const target of targets) await measure(target)
  for (let round = 0; round < rounds; round += 1) {
    for (const target of targets) found[target.name].push(await measure(target))
  }
  return found
}

/** Compares two targets round by round, so that a delay of a whole round has no effect on the result. */
export function pairwise(
  left: readonly number[],
  right: readonly number[],
  compare: (left: number, right: number) => number,
): readonly number[] {
  return left.map((value, round) => compare(value, right[round] ?? Number.NaN))
}

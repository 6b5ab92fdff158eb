import type { Target } from './targets.ts'

/** A line of the table. The values are the printed texts, by the name of the target. */
export type Row = {
  readonly figure: string
  readonly values: ReadonlyMap<string, string>
  readonly must?: string
  readonly aim?: string
  readonly isMet?: boolean
}

/** How much is measured, and where. Each function turns an amount of a full run into the amount of this run. */
export type Run = {
  readonly rounds: (whole: number) => number
  readonly windowMs: (whole: number) => number
  readonly count: (whole: number) => number
  /** The list for `taskset`. The proxies run only on these cores, and nothing else of the bench does. */
  readonly proxyCores: string | undefined
}

export type Figure = {
  readonly name: string
  /** A quick run leaves it out, unless `--only` names it. */
  readonly isSlow?: true
  readonly measure: (run: Run) => Promise<readonly Row[]>
}

/** For each target, by its name: a value a round. */
export type Rounds<Value> = ReadonlyMap<string, readonly Value[]>

/** Measures the targets in turn, A B C A B C …. The first round only warms up, and its values are dropped. */
export async function interleave<Value, Subject extends Target>(
  targets: readonly Subject[],
  rounds: number,
  measure: (target: Subject) => Promise<Value>,
): Promise<Rounds<Value>> {
  for (const target of targets) await measure(target)
  return inTurn(targets, rounds, measure)
}

/** Measures the subjects in turn, without a round to warm up. */
export async function inTurn<Subject extends { readonly name: string }, Value>(
  subjects: readonly Subject[],
  rounds: number,
  measure: (subject: Subject, round: number) => Promise<Value>,
): Promise<Rounds<Value>> {
  const found = new Map<string, Value[]>(subjects.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of subjects) found.get(subject.name)?.push(await measure(subject, round))
  }
  return found
}

/** Turns each value of each round into another one. */
export function mapRounds<From, To>(rounds: Rounds<From>, change: (value: From) => To): Rounds<To> {
  return mapTargets(rounds, (values) => values.map(change))
}

/** Turns what was found for each target into something else. */
export function mapTargets<From, To>(
  found: ReadonlyMap<string, From>,
  change: (value: From, name: string) => To,
): ReadonlyMap<string, To> {
  return new Map([...found].map(([name, value]) => [name, change(value, name)]))
}

/** Compares two targets round by round, so that a delay of a whole round has no effect on the result. */
export function pairwise(
  left: readonly number[],
  right: readonly number[],
  compare: (left: number, right: number) => number,
): readonly number[] {
  return left.map((value, round) => compare(value, right[round] ?? Number.NaN))
}

import { mapTargets, pairwise, type Rounds, type Row } from './figure.ts'
import { median } from './statistics.ts'

/** What the gateway must reach, and what it aims at. Most figures are costs; of the others, more is better. */
export type Goal = { readonly must: number; readonly aim?: number; readonly moreIsBetter?: true }

/** How a number is printed. */
export type Format = { readonly digits: number; readonly unit?: string }

/** Returns a row whose goal is a ratio to the pass-through: the median of the ratios of the single rounds. */
export function ratioRow(figure: string, found: Rounds<number>, goal?: Goal, digits = 0): Row {
  const ratios = ratiosToBare(found)
  const values = mapTargets(found, (rounds, name) => withRatio(median(rounds), ratios.get(name), digits))
  return { figure, values, ...(goal && judge(ratios.get('tributary'), goal, { digits: 2, unit: '×' })) }
}

/** Returns a row whose goal is a plain number: the median of the rounds. */
export function valueRow(figure: string, found: Rounds<number>, goal: Goal, format: Format): Row {
  const medians = mapTargets(found, median)
  const values = mapTargets(medians, (value) => value.toFixed(format.digits))
  return { figure, values, ...judge(medians.get('tributary'), goal, format) }
}

/** Returns the goal's texts, and whether the gateway's number meets it. */
export function judge(
  value: number | undefined,
  { must, aim, moreIsBetter }: Goal,
  { unit }: Format,
): Pick<Row, 'must' | 'aim' | 'isMet'> {
  const sign = moreIsBetter ? '>=' : '<='
  const print = (goal: number): string =>
    unit === '×' ? `${sign} × ${goal}` : `${sign} ${goal}${unit ? ` ${unit}` : ''}`
  const isMet = value !== undefined && (moreIsBetter ? value >= must : value <= must)
  return { must: print(must), ...(aim !== undefined && { aim: print(aim) }), isMet }
}

/** Returns for each proxy the median of its ratios to the pass-through, round by round. */
function ratiosToBare(found: Rounds<number>): ReadonlyMap<string, number> {
  const bare = found.get('pass-through') ?? []
  const proxies = new Map([...found].filter(([name]) => name !== 'direct'))
  return mapTargets(proxies, (values) => median(pairwise(values, bare, (value, base) => value / base)))
}

/** Prints a value, and its ratio to the pass-through if it has one. */
export function withRatio(value: number, ratio: number | undefined, digits: number): string {
  if (ratio === undefined) return value.toFixed(digits)
  return `${value.toFixed(digits)} (× ${ratio.toFixed(2)})`
}

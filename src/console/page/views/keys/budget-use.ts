import { askJson } from '../../session/api.ts'
import type { UsageReport } from '../usage/types.ts'
import { type PeriodName, pathOf, periodOf } from '../usage/usage-query.ts'
import { readBudget } from './key-values.ts'
import type { ClientKey } from './types.ts'

/** What the keys have used in the periods of their budgets, by name: dollars or tokens. */
export type BudgetUses = ReadonlyMap<string, number>

/** The reports keep 400 days, and the longest period that is asked for is a year. */
const periods: Readonly<Record<string, PeriodName>> = { day: 'today', month: 'thisMonth', '': 'year' }

/** Sums what the keys with a budget have used. A report says it by names, so it is only about right. */
export async function loadBudgetUses(keys: readonly ClientKey[], signal: AbortSignal): Promise<BudgetUses> {
  const budgets = keys.flatMap(({ name, budget }) => (budget === undefined ? [] : [{ name, ...readBudget(budget) }]))
  const wanted = [...new Set(budgets.map(({ period }) => period))]
  const reports = await Promise.all(
    wanted.map(async (period) => {
      const path = pathOf({ by: 'key', ...periodOf(periods[period] ?? 'year', Date.now()) }, false)
      return [period, await askJson<UsageReport>(path, { signal })] as const
    }),
  )
  const found = new Map(reports)
  return new Map(
    budgets.flatMap(({ name, unit, period }) => {
      const line = found.get(period)?.data.find(({ key }) => key === name)
      if (!line) return [[name, 0] as const]
      return [[name, unit === 'USD' ? (line.cost_usd ?? 0) : line.input_tokens + line.output_tokens] as const]
    }),
  )
}

import type { Store } from '../state/store.ts'
import { Totals } from './counts.ts'
import type { UsageRow } from './page.ts'
import { type DatedPage, type DayRange, readPages } from './stored-pages.ts'

/** What a report has a line for. */
export const dimensions = ['day', 'model', 'upstream', 'key'] as const
export type Dimension = (typeof dimensions)[number]

export interface ReportQuery extends DayRange {
  readonly by: Dimension
  /** Only the callers of this name or id; otherwise all of them. */
  readonly key?: string
  /** Only the caller of this id. */
  readonly caller?: string
}

export interface UsageReport extends ReportQuery {
  readonly lines: readonly ReportLine[]
  readonly total: Totals
}

export interface ReportLine {
  /** The day, the address of the model, the name of the upstream, or the name of the key. `none` if nothing answered. */
  readonly name: string
  readonly totals: Totals
}

/** Sums what is stored. The lines are in the order of their names. */
export async function reportUsage(store: Store, query: ReportQuery): Promise<UsageReport> {
  const lines = new Map<string, Totals>()
  const total = new Totals()
  for await (const dated of readPages(store, query)) {
    if (!isWanted(dated, query)) continue
    for (const row of dated.page.rows()) {
      const name = nameOf(query.by, dated, row)
      const line = lines.get(name) ?? new Totals()
      line.addTotals(row.totals)
      lines.set(name, line)
      total.addTotals(row.totals)
    }
  }
  const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...query, lines: sorted.map(([name, totals]) => ({ name, totals })), total }
}

function isWanted({ caller, page }: DatedPage, query: ReportQuery): boolean {
  if (query.caller !== undefined && query.caller !== caller) return false
  return query.key === undefined || query.key === caller || query.key === page.name
}

function nameOf(by: Dimension, { day, page }: DatedPage, { upstream, model }: UsageRow): string {
  switch (by) {
    case 'day':
      return day
    case 'model':
      return model === '' ? 'none' : `${upstream}/${model}`
    case 'upstream':
      return upstream === '' ? 'none' : upstream
    case 'key':
      return page.name
  }
}

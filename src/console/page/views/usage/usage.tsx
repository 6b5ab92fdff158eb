import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { count, money, percent } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { attempt } from '../../kit/toast.tsx'
import { Empty, Loaded, View } from '../../kit/view.tsx'
import { address } from '../../router.ts'
import { askJson } from '../../session/api.ts'
import { download } from '../../session/download.ts'
import { isAdmin } from '../../session/me.ts'
import { useResource } from '../../session/resource.ts'
import { cachedShare } from './bars.ts'
import { OwnLimits } from './own-limits.tsx'
import type { UsageReport } from './types.ts'
import { UsageFilters } from './usage-filters.tsx'
import { UsagePlot } from './usage-plot.tsx'
import { pathOf, readQuery, type UsageQuery } from './usage-query.ts'
import { UsageTable } from './usage-table.tsx'

/** What was used: by everybody for an admin, and by the own key for everybody else. */
export function UsageView() {
  const words = texts.value.usage
  const isOwn = !isAdmin()
  const query = readQuery(address.value.query)
  const path = pathOf(query, isOwn)
  const resource = useResource((signal) => askJson<UsageReport>(path, { signal }), [path])
  // while another report is loaded, the former one is shown
  const former = useSignal<UsageReport | undefined>(undefined)
  useEffect(() => void (former.value = resource.value.value ?? former.peek()), [resource.value.value])
  const shown = resource.value.value ?? (resource.error.value ? undefined : former.value)
  const save = () => attempt(() => download(pathOf(query, isOwn, 'csv'), fileName(query, shown)))
  return (
    <View title={texts.value.views.usage} actions={<Button onPress={save}>{words.csv}</Button>}>
      {isOwn && <OwnLimits />}
      <UsageFilters query={query} shown={former.value} isOwn={isOwn} />
      {shown ? <Report report={shown} query={query} /> : <Loaded resource={resource}>{() => null}</Loaded>}
    </View>
  )
}

function fileName({ by }: UsageQuery, report: UsageReport | undefined): string {
  return `usage-by-${by}${report ? `-${report.from}-${report.to}` : ''}.csv`
}

function Report({ report, query }: { readonly report: UsageReport; readonly query: UsageQuery }) {
  const words = texts.value.usage
  const { total, data } = report
  if (data.length === 0) return <Empty>{words.none}</Empty>
  return (
    <>
      <Figures report={report} />
      <UsagePlot report={report} />
      <UsageTable report={report} query={{ ...query, by: report.by }} />
      <div class="hints">
        {total.unknown_costs > 0 && <p class="hint">{words.unknownCosts(count(total.unknown_costs))}</p>}
        {total.estimated_answers > 0 && <p class="hint">{words.estimated(count(total.estimated_answers))}</p>}
        <p class="hint">{words.prices(report.prices.date)}</p>
      </div>
    </>
  )
}

function Figures({ report: { total } }: { readonly report: UsageReport }) {
  const { figures, withoutCost } = texts.value.usage
  const unknownCosts = total.unknown_costs > 0 ? withoutCost(count(total.unknown_costs)) : ''
  const list = [
    [figures.requests, count(total.requests), ''],
    [figures.failed, count(total.failed), total.requests > 0 ? percent(total.failed / total.requests) : ''],
    [figures.input, count(total.input_tokens), ''],
    [figures.cached, percent(cachedShare(total)), ''],
    [figures.output, count(total.output_tokens), ''],
    [figures.cost, money(total.cost_usd), unknownCosts],
    [figures.saved, money(total.saved_usd), ''],
  ] as const
  return (
    <div class="card">
      <ul class="figures many">
        {list.map(([name, value, note]) => (
          <li key={name} class="figure">
            <span>{name}</span>
            <strong>{value}</strong>
            {note && <span>{note}</span>}
          </li>
        ))}
      </ul>
    </div>
  )
}

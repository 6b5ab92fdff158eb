import { count, money, percent } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Cell, Row, RowHead, StackTable } from '../../kit/stack-table.tsx'
import { hrefOf } from '../../router.ts'
import { cachedShare, nameOf, shownName, sorted } from './bars.ts'
import type { UsageReport, UsageSums } from './types.ts'
import type { UsageQuery } from './usage-query.ts'

interface UsageTableProps {
  readonly report: UsageReport
  readonly query: UsageQuery
}

const columnNames = ['requests', 'failed', 'input', 'cached', 'output', 'cost', 'saved'] as const

/** The report as a table, with its sums last. */
export function UsageTable({ report, query }: UsageTableProps) {
  const { columns, names, total } = texts.value.usage
  return (
    <div class="table">
      <StackTable
        kind="usage"
        label={texts.value.views.usage}
        columns={[{ name: names[report.by] }, ...columnNames.map((name) => ({ name: columns[name], isNumber: true }))]}
      >
        {sorted(report).map((line) => (
          <Row key={nameOf(line)}>
            <RowHead>
              <LineName name={nameOf(line)} query={query} />
            </RowHead>
            <Sums sums={line} />
          </Row>
        ))}
        <Row kind="total">
          <RowHead>{total}</RowHead>
          <Sums sums={report.total} />
        </Row>
      </StackTable>
    </div>
  )
}

/** The name of a key leads to its own report. */
function LineName({ name, query }: { readonly name: string; readonly query: UsageQuery }) {
  if (query.by === 'key')
    return (
      <a href={hrefOf(['usage'], { ...query, by: 'day', key: name })}>
        <bdi>{name}</bdi>
      </a>
    )
  return <bdi>{shownName(name, { by: query.by, nobody: texts.value.usage.nobody })}</bdi>
}

function Sums({ sums }: { readonly sums: UsageSums }) {
  const { columns, withoutCost } = texts.value.usage
  return (
    <>
      <Cell isNumber name={columns.requests}>
        {count(sums.requests)}
      </Cell>
      <Cell isNumber name={columns.failed} kind={sums.failed > 0 ? 'some-failed' : undefined}>
        {count(sums.failed)}
      </Cell>
      <Cell isNumber name={columns.input}>
        {count(sums.input_tokens)}
      </Cell>
      <Cell isNumber name={columns.cached}>
        {percent(cachedShare(sums))}
      </Cell>
      <Cell isNumber name={columns.output}>
        {count(sums.output_tokens)}
      </Cell>
      <Cell isNumber name={columns.cost}>
        {money(sums.cost_usd)}
        {sums.unknown_costs > 0 && <span class="under">{withoutCost(count(sums.unknown_costs))}</span>}
      </Cell>
      <Cell isNumber name={columns.saved}>
        {money(sums.saved_usd)}
      </Cell>
    </>
  )
}

import { count, duration, moment, money, percent, unknown } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Badge } from '../../kit/badge.tsx'
import { Cell, Row, StackTable } from '../../kit/stack-table.tsx'
import { hrefOf } from '../../router.ts'
import { chosen, toggleChosen } from './chosen.ts'
import { OutcomeBadge } from './outcome-badge.tsx'
import { placeOf } from './request-filter.ts'
import type { ListedRequest } from './types.ts'

const wordColumns = ['time', 'outcome', 'key', 'model', 'upstream'] as const
const numberColumns = ['first', 'took', 'input', 'output', 'cost'] as const

export function RequestTable({ requests }: { readonly requests: readonly ListedRequest[] }) {
  const { columns, list } = texts.value.requests
  return (
    <StackTable
      kind="requests"
      label={list}
      columns={[
        { name: columns.compare, isUnseen: true },
        ...wordColumns.map((name) => ({ name: columns[name] })),
        ...numberColumns.map((name) => ({ name: columns[name], isNumber: true })),
      ]}
    >
      {requests.map((request) => (
        <RequestRow key={placeOf(request)} request={request} isChosen={chosen.value.includes(request.id)} />
      ))}
    </StackTable>
  )
}

interface RowProps {
  readonly request: ListedRequest
  readonly isChosen: boolean
}

function RequestRow({ request, isChosen }: RowProps) {
  const { requests: words } = texts.value
  const { id, outcome, upstream, account, attempts, continued } = request
  const { columns } = words
  return (
    <Row kind={isChosen ? 'chosen' : undefined}>
      <Cell kind="request-choice">
        <input type="checkbox" aria-label={words.choose(id)} checked={isChosen} onChange={() => toggleChosen(id)} />
      </Cell>
      <Cell kind="request-time">
        <a href={hrefOf(['requests', id])}>
          {moment(request.time)}
          <span class="id">
            <bdi>{id}</bdi>
          </span>
        </a>
      </Cell>
      <Cell kind="request-end">
        <OutcomeBadge outcome={outcome} />
        {continued > 0 && <Badge tone="info">{words.continued(continued)}</Badge>}
        {request.cache_broken_at !== null && <Badge tone="warning">{words.cacheBroken}</Badge>}
      </Cell>
      <Cell name={columns.key}>
        <bdi>{request.key}</bdi>
      </Cell>
      <Cell name={columns.model}>
        <bdi>{request.model}</bdi>
        {request.task !== 'chat' && <span class="under">{request.task}</span>}
      </Cell>
      <Cell name={columns.upstream}>
        <bdi>{upstream ?? unknown}</bdi>
        <span class="under">
          {account !== null && <bdi>{account}</bdi>}
          {attempts > 1 && <span>{words.attempts(attempts)}</span>}
        </span>
      </Cell>
      <RowNumbers request={request} />
    </Row>
  )
}

function RowNumbers({ request }: { readonly request: ListedRequest }) {
  const { columns } = texts.value.requests
  const { input_tokens: input, cached_tokens: cached } = request
  const share = input && cached ? cached / input : 0
  return (
    <>
      <Cell isNumber name={columns.first}>
        {duration(request.first_event_ms)}
      </Cell>
      <Cell isNumber name={columns.took}>
        {duration(request.duration_ms)}
      </Cell>
      <Cell isNumber name={columns.input}>
        {count(input)}
        {share > 0 && (
          <span class="under">
            {columns.cached} {percent(share)}
          </span>
        )}
      </Cell>
      <Cell isNumber name={columns.output}>
        {count(request.output_tokens)}
      </Cell>
      <Cell isNumber name={columns.cost}>
        {money(request.cost_usd)}
      </Cell>
    </>
  )
}

import { duration, unknown } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { lengthOf, marksUpTo } from '../../kit/scale.ts'
import { Cell, Row, RowHead, StackTable } from '../../kit/stack-table.tsx'
import { isFailure, OutcomeBadge } from './outcome-badge.tsx'
import type { RequestDetails } from './types.ts'
import { endOf, rowsOf, type WaterfallRow } from './waterfall-rows.ts'

/** What happened when: a table, with a picture of it in its last column. */
export function Waterfall({ request }: { readonly request: RequestDetails }) {
  const { details } = texts.value.requests
  const rows = rowsOf(request)
  const end = endOf(rows)
  return (
    <section class="card course">
      <h2>{details.course}</h2>
      {!request.timeline && <p class="quiet-text">{details.noTimeline}</p>}
      <StackTable
        kind="waterfall"
        label={details.course}
        columns={[
          ...[details.step, details.who, details.outcome].map((name) => ({ name })),
          ...[details.starts, details.firstEvent, details.ends].map((name) => ({ name, isNumber: true })),
        ]}
        picture={<Scale end={end} />}
      >
        {rows.map((row, at) => (
          <StepRow key={at} row={row} name={nameOf(rows, at)} end={end} />
        ))}
      </StackTable>
      <Legend />
    </section>
  )
}

function nameOf(rows: readonly WaterfallRow[], at: number): string {
  const { details } = texts.value.requests
  const kind = rows[at]?.kind ?? 'whole'
  if (kind !== 'attempt') return details[kind]
  return details.attempt(rows.slice(0, at + 1).filter((row) => row.kind === 'attempt').length)
}

interface StepRowProps {
  readonly row: WaterfallRow
  readonly name: string
  readonly end: number
}

function StepRow({ row, name, end }: StepRowProps) {
  const { details } = texts.value.requests
  const { startMs, firstEventMs, endMs, who, outcome } = row
  return (
    <Row>
      <RowHead>{name}</RowHead>
      <Cell>{who && <bdi>{who}</bdi>}</Cell>
      <Cell>{outcome !== undefined && <OutcomeBadge outcome={outcome} />}</Cell>
      <Cell isNumber name={details.starts}>
        {duration(startMs)}
      </Cell>
      <Cell isNumber name={details.firstEvent}>
        {firstEventMs === undefined ? unknown : duration(firstEventMs)}
      </Cell>
      <Cell isNumber name={details.ends}>
        {duration(endMs)}
      </Cell>
      <td class="picture" aria-hidden="true">
        <Bar row={row} end={end} />
      </td>
    </Row>
  )
}

function Bar({ row: { kind, startMs, firstEventMs, endMs, outcome }, end }: Pick<StepRowProps, 'row' | 'end'>) {
  const at = (ms: number) => lengthOf(ms, end)
  const streamsFrom = firstEventMs ?? endMs
  const isFailed = outcome !== undefined && isFailure(outcome)
  if (kind === 'seam')
    return (
      <svg class="bar" aria-hidden="true">
        <rect class="seam" x={at(startMs)} width="3" height="100%" />
      </svg>
    )
  return (
    <svg class={isFailed ? 'bar failed' : 'bar'} aria-hidden="true">
      <rect class="wait" x={at(startMs)} y="35%" width={at(streamsFrom - startMs)} height="30%" />
      {firstEventMs !== undefined && (
        <rect class="stream" x={at(firstEventMs)} y="15%" width={at(endMs - firstEventMs)} height="70%" />
      )}
      {firstEventMs !== undefined && <rect class="first" x={at(firstEventMs)} width="2" height="100%" />}
      {isFailed && (
        <path class="cross" d="M-4 -4L4 4M4 -4L-4 4" style={{ transform: `translate(${at(endMs)}, 50%)` }} />
      )}
    </svg>
  )
}

function Scale({ end }: { readonly end: number }) {
  const marks = marksUpTo(end, { most: 4 }).filter((mark) => mark <= end)
  return (
    <div class="scale">
      {marks.map((mark) => (
        <span key={mark} style={{ insetInlineStart: lengthOf(mark, end) }}>
          {duration(mark)}
        </span>
      ))}
    </div>
  )
}

function Legend() {
  const { legend } = texts.value.requests.details
  return (
    <ul class="legend" aria-hidden="true">
      {(['wait', 'first', 'stream', 'seam'] as const).map((name) => (
        <li key={name}>
          <span class={`swatch ${name}`} />
          {legend[name]}
        </li>
      ))}
      <li>
        <span class="swatch cross">×</span>
        {legend.failed}
      </li>
    </ul>
  )
}

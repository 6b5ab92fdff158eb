import { useSignal } from '@preact/signals'
import { count, money } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { lengthOf, marksUpTo } from '../../kit/scale.ts'
import { Segments } from '../../kit/segments.tsx'
import { type Bar, barsOf, type Metric, metrics, shownName, sizeOf } from './bars.ts'
import type { UsageReport } from './types.ts'

const maxBars = 15

/** A plot of the report. The table has the same numbers, so it is one picture for screen readers. */
export function UsagePlot({ report }: { readonly report: UsageReport }) {
  const words = texts.value.usage
  const metric = useSignal<Metric>('requests')
  const bars = barsOf(report, metric.value)
  const shown = (report.by === 'day' ? bars : bars.slice(0, maxBars)).map((bar) => ({
    ...bar,
    name: shownName(bar.name, { by: report.by, nobody: words.nobody }),
  }))
  const marks = marksUpTo(Math.max(0, ...shown.map(sizeOf)), { most: 4, leastStep: metric.value === 'cost' ? 0 : 1 })
  const label = words.plot(words.metrics[metric.value], words.dimensions[report.by])
  return (
    <section class="card plot">
      <Segments
        label={words.metric}
        value={metric.value}
        options={metrics.map((value) => ({ value, text: words.metrics[value] }))}
        onChoose={(value) => void (metric.value = value)}
      />
      <div role="img" aria-label={label}>
        {report.by === 'day' ? (
          <Columns bars={shown} marks={marks} metric={metric.value} />
        ) : (
          <Bars bars={shown} marks={marks} metric={metric.value} />
        )}
      </div>
      <Legend metric={metric.value} />
      {bars.length > shown.length && <p class="hint">{words.rest(bars.length - shown.length)}</p>}
    </section>
  )
}

interface BarsProps {
  readonly bars: readonly Bar[]
  readonly marks: readonly number[]
  readonly metric: Metric
}

function write(metric: Metric, value: number): string {
  return metric === 'cost' ? money(value) : count(value)
}

/** A column for each day, with the days below. */
function Columns({ bars, marks, metric }: BarsProps) {
  const top = marks.at(-1) ?? 1
  const width = 100 / Math.max(1, bars.length)
  const everyNth = Math.ceil(bars.length / 6)
  return (
    <div class="by-day">
      <div class="axis">
        {marks.toReversed().map((mark) => (
          <span key={mark} style={{ bottom: lengthOf(mark, top) }}>
            {write(metric, mark)}
          </span>
        ))}
      </div>
      <svg class="canvas" aria-hidden="true">
        {marks.map((mark) => (
          <line key={mark} x1="0" x2="100%" y1={lengthOf(top - mark, top)} y2={lengthOf(top - mark, top)} />
        ))}
        {bars.map((bar, at) => (
          <ColumnBar key={bar.name} bar={bar} top={top} x={(at + 0.12) * width} width={width * 0.76} metric={metric} />
        ))}
      </svg>
      <div class="days">
        {bars.map(
          ({ name }, at) =>
            at % everyNth === 0 && (
              <span key={name} style={{ insetInlineStart: `${(at + 0.5) * width}%` }}>
                {name.slice(5)}
              </span>
            ),
        )}
      </div>
    </div>
  )
}

interface ColumnBarProps {
  readonly bar: Bar
  readonly top: number
  /** Percent of the width. */
  readonly x: number
  readonly width: number
  readonly metric: Metric
}

function ColumnBar({ bar, top, x, width, metric }: ColumnBarProps) {
  const [first, second] = bar.parts
  const place = { x: `${x}%`, width: `${width}%` }
  return (
    <g>
      <title>{`${bar.name}: ${write(metric, first + second)}`}</title>
      <rect class={`first ${metric}`} {...place} y={lengthOf(top - first, top)} height={lengthOf(first, top)} />
      <rect
        class={`second ${metric}`}
        {...place}
        y={lengthOf(top - first - second, top)}
        height={lengthOf(second, top)}
      />
    </g>
  )
}

/** A bar for each name. */
function Bars({ bars, marks, metric }: BarsProps) {
  const top = marks.at(-1) ?? 1
  return (
    <ul class="by-name">
      {bars.map((bar) => (
        <li key={bar.name}>
          <span class="name">
            <bdi>{bar.name}</bdi>
          </span>
          <svg aria-hidden="true">
            <rect class={`first ${metric}`} width={lengthOf(bar.parts[0], top)} height="100%" />
            <rect
              class={`second ${metric}`}
              x={lengthOf(bar.parts[0], top)}
              width={lengthOf(bar.parts[1], top)}
              height="100%"
            />
          </svg>
          <span class="number">{write(metric, sizeOf(bar))}</span>
        </li>
      ))}
    </ul>
  )
}

function Legend({ metric }: { readonly metric: Metric }) {
  const parts = texts.value.usage.parts[metric].filter((part) => part !== '')
  if (parts.length < 2) return null
  return (
    <ul class="legend" aria-hidden="true">
      {parts.map((part, at) => (
        <li key={part}>
          <span class={`swatch ${at === 0 ? 'first' : 'second'} ${metric}`} />
          {part}
        </li>
      ))}
    </ul>
  )
}

interface SparklineProps {
  /** Null where nothing is known. */
  readonly values: readonly (number | null)[]
  /** Of bars: how much of each value went wrong. It is drawn at the foot of the bar, in another colour. */
  readonly bad?: readonly number[]
  /** What it shows, in words: the picture says no more. */
  readonly label: string
  readonly kind?: 'line' | 'bars'
}

const [width, height] = [120, 28]

/** A small plot without axes. */
export function Sparkline({ values, bad, label, kind = 'line' }: SparklineProps) {
  const top = Math.max(1, ...values.map((value) => value ?? 0))
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <line class="foot" x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} />
      {kind === 'bars' ? barsOf(values, top, bad) : linesOf(values, top)}
    </svg>
  )
}

const y = (value: number, top: number) => height - 1 - (value / top) * (height - 2)

/** All bars are one path, so that a hundred plots are quick. */
function barsOf(values: readonly (number | null)[], top: number, bad: readonly number[] = []) {
  const step = width / Math.max(1, values.length)
  const path = (heights: readonly (number | null)[]) =>
    heights
      .map((value, at) =>
        value ? `M${at * step} ${height - 0.5}V${y(value, top)}h${step * 0.75}V${height - 0.5}z` : '',
      )
      .join('')
  return (
    <>
      <path class="all" d={path(values)} />
      {bad.some((value) => value > 0) && <path class="bad" d={path(bad)} />}
    </>
  )
}

function linesOf(values: readonly (number | null)[], top: number) {
  const step = width / Math.max(1, values.length - 1)
  return runsOf(values).map((line) => {
    // a single value has no line: it is shown as a short one
    const ends =
      line.length === 1 ? line.flatMap((point) => [-0.5, 0.5].map((by) => ({ ...point, at: point.at + by }))) : line
    const points = ends.map(({ at, value }) => `${Math.min(width, Math.max(0, at * step))},${y(value, top)}`)
    return <polyline key={line[0]?.at} points={points.join(' ')} />
  })
}

interface Point {
  readonly at: number
  readonly value: number
}

/** The points, parted where a value is missing. */
function runsOf(values: readonly (number | null)[]): readonly (readonly Point[])[] {
  const lines: Point[][] = []
  for (const [at, value] of values.entries()) {
    if (value === null) continue
    const line = lines.at(-1)
    if (line?.at(-1)?.at === at - 1) line.push({ at, value })
    else lines.push([{ at, value }])
  }
  return lines
}

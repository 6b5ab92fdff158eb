interface SparklineProps {
  /** Null where nothing is known. */
  readonly values: readonly (number | null)[]
  /** What it shows, in words: the picture says no more. */
  readonly label: string
  readonly kind?: 'line' | 'bars'
}

const [width, height] = [120, 28]

/** A small plot without axes. */
export function Sparkline({ values, label, kind = 'line' }: SparklineProps) {
  const top = Math.max(1, ...values.map((value) => value ?? 0))
  const step = width / Math.max(1, values.length - (kind === 'line' ? 1 : 0))
  const y = (value: number) => height - 1 - (value / top) * (height - 2)
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {kind === 'bars'
        ? values.map((value, at) =>
            value ? (
              <rect key={at} x={at * step} y={y(value)} width={Math.max(0.5, step - 0.5)} height={height - y(value)} />
            ) : null,
          )
        : linesOf(values).map((line) => (
            <polyline key={line[0]?.at} points={line.map(({ at, value }) => `${at * step},${y(value)}`).join(' ')} />
          ))}
    </svg>
  )
}

interface Point {
  readonly at: number
  readonly value: number
}

/** The points, parted where a value is missing. */
function linesOf(values: readonly (number | null)[]): readonly (readonly Point[])[] {
  const lines: Point[][] = []
  for (const [at, value] of values.entries()) {
    if (value === null) continue
    const line = lines.at(-1)
    if (line?.at(-1)?.at === at - 1) line.push({ at, value })
    else lines.push([{ at, value }])
  }
  return lines
}

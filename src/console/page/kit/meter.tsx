interface MeterProps {
  /** From 0 to 1. */
  readonly share: number
  /** What it shows, in words. */
  readonly label: string
}

/** A bar that shows how much of something is left. */
export function Meter({ share, label }: MeterProps) {
  const known = Math.min(1, Math.max(0, share))
  const tone = known === 0 ? 'bad' : known < 0.2 ? 'warning' : 'good'
  return (
    <span class={`meter ${tone}`} role="img" aria-label={label}>
      <span style={{ width: `${known * 100}%` }} />
    </span>
  )
}

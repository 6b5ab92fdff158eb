import { distance, moment, unknown } from '../i18n/format.ts'
import { now } from '../session/clock.ts'

/** A time as its distance from now; pointing at it shows the time itself. */
export function Ago({ time }: { readonly time: string | null | undefined }) {
  if (!time) return <>{unknown}</>
  // the clock goes in steps: what has happened since its last one is not in the future
  const at = Math.max(now.value, Math.min(Date.parse(time), Date.now()))
  return (
    <time dateTime={time} title={moment(time, at)}>
      {distance(time, at)}
    </time>
  )
}

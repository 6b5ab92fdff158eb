import { distance, moment, unknown } from '../i18n/format.ts'
import { now } from '../session/clock.ts'

/** A time as its distance from now; pointing at it shows the time itself. */
export function Ago({ time }: { readonly time: string | null | undefined }) {
  if (!time) return <>{unknown}</>
  return (
    <time dateTime={time} title={moment(time, now.value)}>
      {distance(time, now.value)}
    </time>
  )
}

import { count, duration, money, percent } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Sparkline } from '../../kit/sparkline.tsx'
import type { Overview } from '../../session/overview.ts'

/** The last hour in one strip: figures, and bars by minute. */
export function LastHourStrip({ overview: { last_hour: last, calls } }: { readonly overview: Overview }) {
  const { hour } = texts.value.home
  const failedShare = last.requests > 0 ? last.failed / last.requests : null
  return (
    <section class="card hour" aria-labelledby="last-hour">
      <h2 id="last-hour">{hour.title}</h2>
      <div class="figures">
        <Figure value={count(last.requests)} name={hour.requests}>
          {last.client_left > 0 && hour.left(last.client_left)}
        </Figure>
        <Figure value={count(last.failed)} name={hour.failed} isBad={last.failed > 0}>
          {last.failed > 0 && percent(failedShare)}
        </Figure>
        <Figure value={duration(last.first_event_ms?.p50)} name={hour.firstEvent}>
          {last.first_event_ms && hour.slow(duration(last.first_event_ms.p95))}
        </Figure>
        <Figure value={count(last.input_tokens + last.output_tokens)} name={hour.tokens}>
          {last.requests > 0 && hour.inOut(count(last.input_tokens), count(last.output_tokens))}
        </Figure>
        <Figure value={money(last.cost_usd)} name={hour.cost}>
          {last.cost_usd !== null && hour.costHint}
        </Figure>
        <Figure value={count(calls.running)} name={hour.running}>
          {calls.waiting > 0 && hour.waiting(calls.waiting)}
        </Figure>
      </div>
      <Minutes overviewMinutes={last.minutes} requests={last.requests} failed={last.failed} />
    </section>
  )
}

interface FigureProps {
  readonly value: string
  readonly name: string
  readonly isBad?: boolean
  readonly children?: string | false | null
}

function Figure({ value, name, isBad = false, children }: FigureProps) {
  return (
    <div class={isBad ? 'figure bad' : 'figure'}>
      <strong>{value}</strong>
      <span>{name}</span>
      {children && <span>{children}</span>}
    </div>
  )
}

interface MinutesProps {
  readonly overviewMinutes: Overview['last_hour']['minutes']
  readonly requests: number
  readonly failed: number
}

function Minutes({ overviewMinutes, requests, failed }: MinutesProps) {
  const { hour } = texts.value.home
  if (requests === 0) return <p class="quiet-text">{hour.none}</p>
  const values = overviewMinutes.map((minute) => minute.requests)
  const label = hour.plot(count(requests), count(failed), count(Math.max(0, ...values)))
  return (
    <figure class="minutes">
      <Sparkline kind="bars" values={values} bad={overviewMinutes.map((minute) => minute.failed)} label={label} />
      <figcaption>
        <span>{hour.ago}</span>
        <span class="legend">
          <span class="swatch" /> {hour.legendAll}
          {failed > 0 && (
            <>
              <span class="swatch bad" /> {hour.legendBad}
            </>
          )}
        </span>
        <span>{hour.now}</span>
      </figcaption>
    </figure>
  )
}

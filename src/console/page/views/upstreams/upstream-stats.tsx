import { count, duration, percent } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Ago } from '../../kit/ago.tsx'
import { Sparkline } from '../../kit/sparkline.tsx'
import type { Upstream } from './types.ts'

/** How an upstream did in the last hour: its success rate, and the time to the first token. */
export function UpstreamStats({ stats }: { readonly stats: NonNullable<Upstream['stats']> }) {
  const { upstreams: words } = texts.value
  const { requests, failed, first_event_ms: first, minutes, last_success_at } = stats
  return (
    <div class="upstream-stats">
      {requests === 0 ? (
        <p class="quiet-text">{words.noRequests}</p>
      ) : (
        <>
          <div class="figure">
            <strong>{percent((requests - failed) / requests)}</strong>
            <span>{words.successOf(count(requests))}</span>
            <Sparkline
              kind="bars"
              values={minutes.map((minute) => minute.requests)}
              bad={minutes.map((minute) => minute.failed)}
              label={words.bars(count(requests), count(failed))}
            />
          </div>
          <div class="figure">
            <strong>{duration(first?.p50)}</strong>
            <span>{first ? words.firstEvent(duration(first.p95)) : words.noFirstEvent}</span>
            <Sparkline
              values={minutes.map((minute) => minute.first_event_ms)}
              label={words.line(duration(first?.p50), duration(first?.p95))}
            />
          </div>
        </>
      )}
      <p class="hint">
        <span>
          {words.lastSuccess}: {last_success_at === null ? words.never : <Ago time={last_success_at} />}
        </span>
      </p>
    </div>
  )
}

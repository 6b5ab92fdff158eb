import { count, duration } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Ago } from '../../kit/ago.tsx'
import { Meter } from '../../kit/meter.tsx'
import { now } from '../../session/clock.ts'
import type { Account } from './types.ts'

type Window = Account['quota'][number]

/** What is left of each limit of an account. */
export function Quota({ quota }: { readonly quota: Account['quota'] }) {
  const known = quota.filter(({ limit, remaining }) => limit !== null || remaining !== null)
  if (known.length === 0) return null
  return (
    <ul class="quota">
      {known.map((window) => (
        <QuotaLine key={`${window.model} ${window.unit} ${window.scope} ${window.window_ms}`} window={window} />
      ))}
    </ul>
  )
}

function QuotaLine({ window }: { readonly window: Window }) {
  const { account: words } = texts.value.upstreams
  const { limit, remaining, reset_at, window_ms, model } = window
  const text = textOf(window)
  return (
    <li>
      <span class="quota-text">
        <span>
          {text}
          {window_ms !== null && ` ${words.window(duration(window_ms))}`}
          {model !== '' && (
            <>
              {' · '}
              <bdi>{model}</bdi>
            </>
          )}
        </span>
        {reset_at !== null && Date.parse(reset_at) > now.value && (
          <span class="quiet-text">
            {words.resets} <Ago time={reset_at} />
          </span>
        )}
      </span>
      {limit !== null && remaining !== null && limit > 0 && <Meter share={remaining / limit} label={text} />}
    </li>
  )
}

function textOf({ unit, limit, remaining }: Window): string {
  const { account: words } = texts.value.upstreams
  const name = words.units[unit] ?? unit
  if (remaining === null) return words.quotaLimit(count(limit), name)
  return limit === null ? words.quotaUsed(count(remaining), name) : words.quota(count(remaining), count(limit), name)
}

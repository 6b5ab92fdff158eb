import { count } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Ago } from '../../kit/ago.tsx'
import { Badge } from '../../kit/badge.tsx'
import { Button } from '../../kit/button.tsx'
import { Icon } from '../../kit/icon.tsx'
import { LinkButton } from '../../kit/link-button.tsx'
import { attempt } from '../../kit/toast.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import { hrefOf } from '../../router.ts'
import { ask } from '../../session/api.ts'
import { pathOf } from './paths.ts'
import type { Drift } from './types.ts'

interface DriftAlarmsProps {
  readonly upstream: string
  readonly drift: readonly Drift[]
  readonly reload: () => void
}

/** How the answers of an upstream differ from what this version expects, from the operator's own traffic. */
export function DriftAlarms({ upstream, drift, reload }: DriftAlarmsProps) {
  const { drift: words } = texts.value.upstreams
  const forget = () =>
    attempt(async () => {
      await ask(`${pathOf(upstream)}/drift`, { method: 'DELETE' })
      reload()
    }, words.forgotten)
  return (
    <details class="drift">
      <summary>
        <Icon name="warning" /> {words.title(drift.length)}
      </summary>
      <div class="folded">
        <p>{words.text}</p>
        <ul>
          {drift.map((alarm) => (
            <Alarm key={alarm.id} alarm={alarm} />
          ))}
        </ul>
        <div>
          <Button icon="ok" onPress={forget}>
            {words.forget}
          </Button>
        </div>
      </div>
    </details>
  )
}

function Alarm({ alarm }: { readonly alarm: Drift }) {
  const { drift: words } = texts.value.upstreams
  const kinds: Readonly<Record<string, string>> = words.kinds
  return (
    <li class="pile">
      <p class="row">
        <Badge tone="warning">{kinds[alarm.kind] ?? alarm.kind}</Badge>
        <Untrusted text={alarm.where} max={120} />
        <span class="quiet-text">
          {words.seen(count(alarm.count))}, {words.last} <Ago time={alarm.last_at} />
        </span>
        {alarm.request !== null && (
          <LinkButton kind="quiet" href={hrefOf(['requests', alarm.request])}>
            {words.request}
          </LinkButton>
        )}
      </p>
      <p class="shape">
        <span class="unseen">{words.shape}: </span>
        <Untrusted text={alarm.shape} max={400} />
      </p>
    </li>
  )
}

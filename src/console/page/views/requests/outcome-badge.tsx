import { texts } from '../../i18n/index.ts'
import { Badge, type Tone } from '../../kit/badge.tsx'

/** How a request or an attempt ended. */
export function OutcomeBadge({ outcome }: { readonly outcome: string }) {
  return (
    <Badge tone={toneOf(outcome)}>
      <bdi>{outcomeText(outcome)}</bdi>
    </Badge>
  )
}

export function outcomeText(outcome: string): string {
  const { outcomes } = texts.value.requests
  return outcome === 'ok' || outcome === 'client_closed' || outcome === 'failed' ? outcomes[outcome] : outcome
}

function toneOf(outcome: string): Tone {
  if (outcome === 'ok') return 'good'
  return outcome === 'client_closed' ? 'quiet' : 'bad'
}

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
  return Object.entries(outcomes).find(([known]) => known === outcome)?.[1] ?? outcome
}

function toneOf(outcome: string): Tone {
  if (outcome === 'ok') return 'good'
  return isFailure(outcome) ? 'bad' : 'quiet'
}

/** Whether something went wrong. A client that left and a second upstream that was slower are no failures. */
export function isFailure(outcome: string): boolean {
  return outcome !== 'ok' && outcome !== 'client_closed' && outcome !== 'not_needed'
}

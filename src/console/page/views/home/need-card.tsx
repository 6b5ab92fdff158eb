import { texts } from '../../i18n/index.ts'
import { Ago } from '../../kit/ago.tsx'
import { Badge } from '../../kit/badge.tsx'
import { Button } from '../../kit/button.tsx'
import { Fold } from '../../kit/fold.tsx'
import { Icon } from '../../kit/icon.tsx'
import { LinkButton } from '../../kit/link-button.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import { Words } from '../../kit/words.tsx'
import { now } from '../../session/clock.ts'
import type { Need } from '../../session/overview.ts'
import { type Action, actionsOf } from './actions.ts'
import { wordsOf } from './need-words.ts'

const signs = {
  urgent: { icon: 'urgent', tone: 'bad' },
  warning: { icon: 'warning', tone: 'warning' },
  note: { icon: 'note', tone: 'info' },
} as const

/** The kinds that are over at their time. For the others it is the time of the next attempt, or of what must not come. */
const ending: ReadonlySet<string> = new Set([
  'account_exhausted',
  'account_resting',
  'upstream_used_up',
  'budget_spent',
])

/** Something that needs somebody: what is wrong, why, since when, and the safest next step with its button. */
export function NeedCard({ need }: { readonly need: Need }) {
  const { home } = texts.value
  const words = wordsOf(need)
  const { cause, step } = (Object.hasOwn(home.needs, need.kind) && home.needs[need.kind]) || home.otherNeed
  const { icon, tone } = signs[need.severity] ?? signs.note
  const actions = actionsOf(need)
  const usable = need.facts.usable
  return (
    <li class={`need ${tone}`}>
      <span class="need-sign">
        <Icon name={icon} />
      </span>
      <div class="need-body">
        <h3>
          <Words text={cause(words)} />
        </h3>
        <p class="need-when">
          <Badge tone={tone}>{home.severities[need.severity] ?? need.severity}</Badge>{' '}
          <span>
            {home.since} <Ago time={need.since} />
          </span>
          {need.until !== null && ending.has(need.kind) && Date.parse(need.until) > now.value && (
            <span>
              {home.ends} <Ago time={need.until} />
            </span>
          )}
        </p>
        {typeof usable === 'number' && need.severity !== 'note' && <p>{home.others(usable)}</p>}
        <Reason need={need} />
        <p class="need-step">
          <strong>{home.next}</strong>{' '}
          <span>
            <Words text={step(words)} />
          </span>
        </p>
      </div>
      {actions.length > 0 && (
        <div class="need-actions">
          {actions.map((action, at) => (
            <ActionButton key={action.label} action={action} isMain={at === 0 && need.severity !== 'note'} />
          ))}
        </div>
      )}
    </li>
  )
}

function ActionButton({ action, isMain }: { readonly action: Action; readonly isMain: boolean }) {
  const kind = isMain ? 'main' : 'plain'
  if ('href' in action)
    return (
      <LinkButton kind={kind} href={action.href}>
        {action.label}
      </LinkButton>
    )
  return (
    <Button kind={kind} onPress={action.run}>
      {action.label}
    </Button>
  )
}

/** What others said of it, word for word. */
function Reason({ need: { why, facts } }: { readonly need: Need }) {
  const { home } = texts.value
  const problems = problemsIn(facts.problems)
  return (
    <>
      {why !== null && why !== '' && problems.length === 0 && (
        <p class="need-why">
          <span class="quiet-text">{home.why}: </span>
          <Untrusted text={why} />
        </p>
      )}
      {problems.length > 0 && (
        <ul class="need-why" aria-label={home.problems}>
          {problems.map((problem) => (
            <li key={problem}>
              <Untrusted text={problem} />
            </li>
          ))}
        </ul>
      )}
      {typeof facts.stderr === 'string' && facts.stderr !== '' && (
        <Fold title={home.stderr}>
          <Untrusted text={facts.stderr} max={2_000} />
        </Fold>
      )}
    </>
  )
}

function problemsIn(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return []
  return value.map(({ variable, problem, remedy }) => [variable, problem, remedy].filter(Boolean).join(': '))
}

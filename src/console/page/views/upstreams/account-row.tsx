import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { count } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { shortened } from '../../i18n/marks.ts'
import { Ago } from '../../kit/ago.tsx'
import { Badge } from '../../kit/badge.tsx'
import { Button } from '../../kit/button.tsx'
import { attempt } from '../../kit/toast.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import { Words } from '../../kit/words.tsx'
import { address, go } from '../../router.ts'
import { ask } from '../../session/api.ts'
import { RemoveDialog, ReplaceDialog, RestDialog } from './account-dialogs.tsx'
import { toneOfAccount } from './condition.ts'
import { pathOf } from './paths.ts'
import { Quota } from './quota.tsx'
import type { Account, Upstream } from './types.ts'

interface AccountRowProps {
  readonly upstream: Upstream
  readonly account: Account
  readonly reload: () => void
  /** Opens the dialog that adds a further account. */
  readonly onAdd: (() => void) | undefined
}

/** An account with its state, why, what is left of its quota, and what can be done with it. */
export function AccountRow({ upstream, account, reload, onAdd }: AccountRowProps) {
  const { account: words } = texts.value.upstreams
  const states: Readonly<Record<string, string>> = words.states
  return (
    <li class="account">
      <p class="row apart">
        <bdi class="label">{shortened(account.label)}</bdi>
        <Badge tone={toneOfAccount(account.state)}>{states[account.state] ?? account.state}</Badge>
      </p>
      {account.state !== 'ok' && <Rest account={account} />}
      <Quota quota={account.quota} />
      <p class="hint">
        <Times account={account} />
        <span>
          <Words text={sourceOf(account)} />
        </span>
      </p>
      <AccountActions upstream={upstream} account={account} reload={reload} onAdd={onAdd} />
    </li>
  )
}

function Rest({ account: { until, models, why } }: { readonly account: Account }) {
  const { account: words } = texts.value.upstreams
  return (
    <>
      {(until !== null || models !== null) && (
        <p class="hint">
          {until !== null && (
            <span>
              {words.until} <Ago time={until} />
            </span>
          )}
          {models !== null && <bdi>{words.onlyFor(models.map((model) => shortened(model)).join(', '))}</bdi>}
        </p>
      )}
      {why !== null && why !== '' && (
        <p class="need-why">
          <span class="quiet-text">{words.said}: </span>
          <Untrusted text={why === 'rested_by_operator' ? words.byOperator : why} max={160} />
        </p>
      )}
    </>
  )
}

function Times({ account: { expires_at, renewed_at, stats } }: { readonly account: Account }) {
  const { account: words, never } = texts.value.upstreams
  return (
    <>
      {expires_at !== null && Date.parse(expires_at) > 0 && (
        <span>
          {words.expires} <Ago time={expires_at} />
          {renewed_at !== null && (
            <>
              , {words.renewed} <Ago time={renewed_at} />
            </>
          )}
        </span>
      )}
      {stats && (
        <span title={words.requests(count(stats.requests), count(stats.failed))}>
          {words.lastSuccess}: {stats.last_success_at === null ? never : <Ago time={stats.last_success_at} />}
        </span>
      )}
    </>
  )
}

function sourceOf({ source, variable }: Account): string {
  const { account: words } = texts.value.upstreams
  if (source === 'made') return words.made
  return source === 'state' ? words.state(variable) : words.environment(variable)
}

const resting = new Set(['cooling', 'exhausted', 'challenged', 'refused'])

function AccountActions({ upstream, account, reload, onAdd }: AccountRowProps) {
  const { account: words } = texts.value.upstreams
  const { query, rest } = address.value
  const isAsked = query.get('replace') === account.label && rest[0] === upstream.name
  const open = useSignal<'rest' | 'replace' | 'remove' | undefined>(undefined)
  useEffect(() => {
    if (isAsked) open.value = 'replace'
  }, [isAsked])
  const close = () => {
    open.value = undefined
    if (isAsked) go(['upstreams', upstream.name])
  }
  const wake = () =>
    attempt(
      () => ask(`${pathOf(upstream.name, account.label)}/wake`, { method: 'POST' }).then(reload),
      words.woken(shortened(account.label)),
    )
  const add = onAdd && (() => (close(), onAdd()))
  const parts = { upstream, account, reload, onClose: close }
  return (
    <>
      <div class="account-actions" role="group" aria-label={words.actions(shortened(account.label))}>
        {resting.has(account.state) && (
          <Button kind="quiet" icon="play" onPress={wake}>
            {words.wake}
          </Button>
        )}
        {account.state === 'ok' && (
          <Button kind="quiet" icon="pause" onPress={() => void (open.value = 'rest')}>
            {words.rest}
          </Button>
        )}
        {account.source === 'state' && (
          <>
            <Button kind="quiet" icon="edit" onPress={() => void (open.value = 'replace')}>
              {words.replace}
            </Button>
            <Button kind="quiet" icon="trash" onPress={() => void (open.value = 'remove')}>
              {words.remove}
            </Button>
          </>
        )}
      </div>
      {open.value === 'rest' && <RestDialog {...parts} />}
      {open.value === 'replace' && <ReplaceDialog {...parts} onAdd={add} />}
      {open.value === 'remove' && <RemoveDialog {...parts} />}
    </>
  )
}

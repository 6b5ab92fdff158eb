import { useSignal } from '@preact/signals'
import { distance, duration } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { plain, shortened } from '../../i18n/marks.ts'
import { Badge } from '../../kit/badge.tsx'
import { Button } from '../../kit/button.tsx'
import { Dialog } from '../../kit/dialog.tsx'
import { attempt } from '../../kit/toast.tsx'
import { address, hrefOf } from '../../router.ts'
import { askJson } from '../../session/api.ts'
import { now } from '../../session/clock.ts'
import { AccountRow } from './account-row.tsx'
import { AddCredential } from './add-credential.tsx'
import { conditionOf, toneOfBreaker, toneOfCondition } from './condition.ts'
import { DriftAlarms } from './drift-alarms.tsx'
import { pathOf } from './paths.ts'
import { TermsFold } from './terms.tsx'
import { TestResult } from './test-result.tsx'
import type { TestedAccount, Upstream, UpstreamTest } from './types.ts'
import { UpstreamStats } from './upstream-stats.tsx'
import { nextVariable } from './variables.ts'

interface UpstreamCardProps {
  readonly upstream: Upstream
  readonly reload: () => void
}

/** All that is known of an upstream, and what can be done with it. */
export function UpstreamCard({ upstream, reload }: UpstreamCardProps) {
  const { upstreams: words } = texts.value
  const tested = useSignal<readonly TestedAccount[] | undefined>(undefined)
  const isAdding = useSignal(false)
  const variable = nextVariable(upstream)
  const openAdd = variable === undefined ? undefined : () => void (isAdding.value = true)
  const test = () =>
    attempt(async () => {
      const { accounts } = await askJson<UpstreamTest>(`${pathOf(upstream.name)}/test`, { method: 'POST' })
      tested.value = accounts
      reload()
    })
  const { stats, drift = [], terms } = upstream
  return (
    <article class={`card upstream ${conditionOf(upstream)}`} aria-label={plain(shortened(upstream.name))}>
      <CardHead upstream={upstream} />
      <Troubles upstream={upstream} />
      {stats && <UpstreamStats stats={stats} />}
      <Accounts upstream={upstream} reload={reload} onAdd={openAdd} />
      <div class="actions">
        <Button icon="play" onPress={test}>
          {words.test}
        </Button>
        {openAdd && (
          <Button icon="plus" onPress={openAdd}>
            {words.addAccount}
          </Button>
        )}
      </div>
      <div role="status">{tested.value && <TestResult accounts={tested.value} />}</div>
      {drift.length > 0 && <DriftAlarms upstream={upstream.name} drift={drift} reload={reload} />}
      {terms && <TermsFold terms={terms} />}
      {isAdding.value && variable !== undefined && (
        <Dialog
          title={plain(words.addDialog.accountTitle(upstream.name))}
          onClose={() => void (isAdding.value = false)}
        >
          <AddCredential
            service={{
              provider: upstream.provider ?? '',
              kind: upstream.credential?.kind === 'session' ? 'session' : 'key',
            }}
            variable={variable}
            onAdded={reload}
            onClose={() => void (isAdding.value = false)}
          />
        </Dialog>
      )}
    </article>
  )
}

function CardHead({ upstream }: { readonly upstream: Upstream }) {
  const { upstreams: words } = texts.value
  const { name, provider, address: place, models, running_calls, is_web_product } = upstream
  return (
    <header>
      <div class="row apart">
        <h2>
          <a href={hrefOf(['upstreams', name])}>
            <bdi>{shortened(name)}</bdi>
          </a>
        </h2>
        <StateBadge upstream={upstream} />
      </div>
      <p class="hint">
        {provider !== null && provider !== name && <bdi>{provider}</bdi>}
        {is_web_product && <span>{words.webProduct}</span>}
        <bdi>{place === null ? words.builtIn : shortened(place)}</bdi>
        {models.known && <span>{words.models(models.count)}</span>}
        {running_calls > 0 && <span>{words.running(running_calls)}</span>}
      </p>
    </header>
  )
}

/** The state of the breaker; and if that is good, whether the accounts can answer. */
function StateBadge({ upstream }: { readonly upstream: Upstream }) {
  const { breaker: breakers, conditions } = texts.value.upstreams
  const { state } = upstream.breaker
  if (state !== 'good') return <Badge tone={toneOfBreaker[state] ?? 'quiet'}>{breakers[state] ?? state}</Badge>
  const condition = conditionOf(upstream)
  return <Badge tone={toneOfCondition[condition]}>{conditions[condition]}</Badge>
}

/** What is wrong with the upstream as a whole, and with its models. */
function Troubles({ upstream: { breaker, used_up } }: { readonly upstream: Upstream }) {
  const { upstreams: words } = texts.value
  return (
    <>
      {breaker.state !== 'good' && (
        <p class={breaker.state === 'ejected' ? 'notice bad' : 'notice warning'}>
          {words.breakerHints[breaker.state]} {breaker.ejected_ms > 0 && words.triedIn(duration(breaker.ejected_ms))}
        </p>
      )}
      {used_up && (
        <p class="notice warning">
          {words.usedUp(distance(used_up.until, now.value))}{' '}
          {used_up.models && words.usedUpModels(used_up.models.map((model) => shortened(model)).join(', '))}
        </p>
      )}
      {breaker.models.some(({ state }) => state !== 'good') && (
        <div class="pile">
          <h3>{words.failingModels}</h3>
          <ul class="plain-list">
            {breaker.models
              .filter(({ state }) => state !== 'good')
              .map(({ model, state, ejected_ms }) => (
                <li key={model} class="row">
                  <bdi class="label">{shortened(model)}</bdi>
                  <Badge tone={toneOfBreaker[state] ?? 'quiet'}>{words.breaker[state] ?? state}</Badge>
                  {ejected_ms > 0 && <span class="hint">{words.triedIn(duration(ejected_ms))}</span>}
                </li>
              ))}
          </ul>
        </div>
      )}
    </>
  )
}

const fewAccounts = 4

interface AccountsProps extends UpstreamCardProps {
  readonly onAdd: (() => void) | undefined
}

function Accounts({ upstream, reload, onAdd }: AccountsProps) {
  const { account: words } = texts.value.upstreams
  const isWhole = useSignal(false)
  const { accounts } = upstream
  // the account whose credential is to be replaced may be any of them
  const isAll = isWhole.value || address.value.query.has('replace')
  const shown = isAll || accounts.length <= fewAccounts ? accounts : [...accounts].sort(worstFirst).slice(0, 3)
  return (
    <section class="pile" aria-label={`${words.title}: ${plain(shortened(upstream.name))}`}>
      <ul class="accounts">
        {shown.map((account) => (
          <AccountRow key={account.label} upstream={upstream} account={account} reload={reload} onAdd={onAdd} />
        ))}
      </ul>
      {shown.length < accounts.length && (
        <div>
          <Button kind="quiet" onPress={() => void (isWhole.value = true)}>
            {words.showAll(accounts.length)}
          </Button>
        </div>
      )}
    </section>
  )
}

function worstFirst(one: { readonly state: string }, other: { readonly state: string }): number {
  return Number(one.state === 'ok') - Number(other.state === 'ok')
}

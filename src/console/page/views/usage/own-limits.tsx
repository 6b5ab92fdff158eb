import { count, moment, money, percent } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Ago } from '../../kit/ago.tsx'
import { Meter } from '../../kit/meter.tsx'
import { Loaded } from '../../kit/view.tsx'
import { askJson } from '../../session/api.ts'
import type { BudgetUse, Me } from '../../session/me.ts'
import { useResource } from '../../session/resource.ts'

/** What the caller's own key may do. */
export function OwnLimits() {
  const resource = useResource((signal) => askJson<Me>('/v1/me', { signal }))
  return (
    <section class="card">
      <h2>{texts.value.usage.limits}</h2>
      <Loaded resource={resource}>{(me) => <Limits me={me} />}</Loaded>
    </section>
  )
}

function Limits({ me }: { readonly me: Me }) {
  const words = texts.value.usage
  const { limits, models, expires, budget, records_prompts: isRecorded } = me
  return (
    <>
      {budget && <BudgetPart budget={budget} />}
      <dl class="figures">
        {(['rpm', 'tpm', 'concurrent'] as const).map(
          (name) =>
            limits[name] !== null && (
              <div key={name} class="figure">
                <dt>{words[name]}</dt>
                <dd>{count(limits[name])}</dd>
              </div>
            ),
        )}
        <div class="figure">
          <dt>{words.expires}</dt>
          <dd>{expires ? moment(expires) : words.never}</dd>
        </div>
      </dl>
      <p>
        {words.models}: {!models && words.allModels}
        {models?.map((pattern) => (
          <code key={pattern} class="pattern">
            <bdi>{pattern}</bdi>
          </code>
        ))}
      </p>
      {isRecorded !== undefined && (
        <p class={isRecorded ? 'notice warning' : 'hint'}>{isRecorded ? words.recorded : words.notRecorded}</p>
      )}
    </>
  )
}

function BudgetPart({ budget }: { readonly budget: BudgetUse }) {
  const words = texts.value.usage
  const { amount, unit, period, used, resets_at: resetsAt } = budget
  const write = (value: number) => (unit === 'USD' ? money(value) : `${count(value)} ${words.tokens}`)
  const share = amount > 0 ? 1 - used / amount : 0
  const name = period === 'day' || period === 'month' ? period : 'prepaid'
  return (
    <div class="budget">
      <p>
        <strong>{words.budget}</strong> {words.used(write(used), write(amount), words.budgetPeriods[name])}
      </p>
      <Meter share={share} label={words.left(percent(Math.max(0, share)))} />
      {resetsAt && (
        <p class="hint">
          {words.resets} <Ago time={resetsAt} />
        </p>
      )}
    </div>
  )
}

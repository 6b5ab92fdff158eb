import { texts } from '../../i18n/index.ts'
import { Field } from '../../kit/field.tsx'
import { Segments } from '../../kit/segments.tsx'
import { go, hrefOf } from '../../router.ts'
import { dimensions } from './types.ts'
import { periodNames, periodOf, type UsageQuery } from './usage-query.ts'

interface UsageFiltersProps {
  readonly query: UsageQuery
  /** The days of the report, as the gateway chose them. */
  readonly shown: { readonly from: string; readonly to: string } | undefined
  /** Whether only the own key is shown. */
  readonly isOwn: boolean
}

/** What the report is about, which the address keeps. */
export function UsageFilters({ query, shown, isOwn }: UsageFiltersProps) {
  const words = texts.value.usage
  const show = (change: Partial<UsageQuery>) => go(['usage'], { ...query, ...change })
  return (
    <div class="usage-filters">
      <div class="row">
        <Segments
          label={words.by}
          value={query.by}
          options={dimensions
            .filter((one) => one !== 'key' || !isOwn)
            .map((value) => ({ value, text: words.dimensions[value] }))}
          onChoose={(by) => show({ by })}
        />
        {query.key !== undefined && (
          <p class="only">
            <bdi>{words.onlyKey(query.key)}</bdi>{' '}
            <a href={hrefOf(['usage'], { by: query.by, from: query.from, to: query.to })}>{words.allKeys}</a>
          </p>
        )}
      </div>
      <div class="row">
        {(['from', 'to'] as const).map((name) => (
          <Field key={name} label={words[name]}>
            {(attributes) => (
              <input
                {...attributes}
                type="date"
                value={query[name] ?? shown?.[name] ?? ''}
                onChange={({ currentTarget }) => currentTarget.value && show({ [name]: currentTarget.value })}
              />
            )}
          </Field>
        ))}
        <fieldset class="presets">
          <legend class="unseen">{words.period}</legend>
          {periodNames.map((name) => (
            <button key={name} type="button" class="button" onClick={() => show(periodOf(name, Date.now()))}>
              {words.periods[name]}
            </button>
          ))}
        </fieldset>
      </div>
      <p class="hint">{words.days}</p>
    </div>
  )
}

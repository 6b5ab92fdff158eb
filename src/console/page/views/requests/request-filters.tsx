import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { shortened } from '../../i18n/marks.ts'
import { Field } from '../../kit/field.tsx'
import { go } from '../../router.ts'
import { outcomeText } from './outcome-badge.tsx'
import { type FilterName, filterNames, type RequestFilter, valuesOf } from './request-filter.ts'
import type { ListedRequest } from './types.ts'

interface FilterProps {
  readonly requests: readonly ListedRequest[]
  readonly filter: RequestFilter
}

/** The filter of the list, which the address keeps. */
export function RequestFilters({ requests, filter }: FilterProps) {
  const { columns } = texts.value.requests
  return (
    <div class="filters">
      {filterNames.map((name) => (
        <Field key={name} label={columns[name]}>
          {(attributes) => (
            <select
              {...attributes}
              value={filter[name] ?? ''}
              onChange={({ currentTarget }) => go(['requests'], { ...filter, [name]: currentTarget.value })}
            >
              <Choices name={name} requests={requests} chosen={filter[name]} />
            </select>
          )}
        </Field>
      ))}
      <FindById />
    </div>
  )
}

interface ChoicesProps {
  readonly name: FilterName
  readonly requests: readonly ListedRequest[]
  readonly chosen: string | undefined
}

function Choices({ name, requests, chosen }: ChoicesProps) {
  const usual = name === 'outcome' ? ['ok', 'client_closed', 'failed'] : []
  return (
    <>
      <option value="">{texts.value.requests.anything}</option>
      {[...usual, ...valuesOf(requests, name, chosen)].map((value) => (
        <option key={value} value={value} dir="auto">
          {name === 'outcome' ? outcomeText(value) : shortened(value)}
        </option>
      ))}
    </>
  )
}

/** Leads to a request by its id. */
export function FindById() {
  const { find, findHint, open } = texts.value.requests
  const id = useSignal('')
  const submit = (event: Event) => {
    event.preventDefault()
    if (id.value.trim()) go(['requests', id.value.trim()])
  }
  return (
    <form class="find" role="search" onSubmit={submit}>
      <Field label={find} hint={findHint}>
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            autocomplete="off"
            spellcheck={false}
            value={id.value}
            onInput={({ currentTarget }) => void (id.value = currentTarget.value)}
          />
        )}
      </Field>
      <button type="submit" class="button">
        {open}
      </button>
    </form>
  )
}

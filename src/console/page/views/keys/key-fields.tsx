import { texts } from '../../i18n/index.ts'
import { Field } from '../../kit/field.tsx'
import { type BudgetParts, periods, units } from './key-values.ts'

/** What every field of the form is given. */
export interface FieldPart<Value> {
  readonly label: string
  readonly hint: string
  readonly error: string | undefined
  readonly value: Value
  readonly onInput: (value: Value) => void
}

interface LineFieldProps extends FieldPart<string> {
  readonly isRequired?: boolean
  readonly isNumber?: boolean
  readonly isDate?: boolean
}

export function LineField({ value, onInput, isRequired, isNumber, isDate = false, ...part }: LineFieldProps) {
  // a key of a file or of the command may have a time instead of a date
  const asDate = isDate && /^(\d{4}-\d\d-\d\d)?$/.test(value)
  return (
    <Field {...part}>
      {(attributes) => (
        <input
          {...attributes}
          {...(asDate ? { type: 'date' as const } : { type: 'text' as const })}
          {...(isNumber && { inputMode: 'numeric' as const })}
          autocomplete="off"
          spellcheck={false}
          required={isRequired ?? false}
          value={value}
          onInput={({ currentTarget }) => onInput(currentTarget.value)}
        />
      )}
    </Field>
  )
}

export function RoleField({ value, onInput, ...part }: FieldPart<'user' | 'admin'>) {
  const { roles } = texts.value.keys
  return (
    <Field {...part}>
      {(attributes) => (
        <select
          {...attributes}
          value={value}
          onChange={({ currentTarget }) => onInput(currentTarget.value === 'admin' ? 'admin' : 'user')}
        >
          <option value="user">{roles.user}</option>
          <option value="admin">{roles.admin}</option>
        </select>
      )}
    </Field>
  )
}

export function ModelsField({ value, onInput, ...part }: FieldPart<string>) {
  return (
    <Field {...part}>
      {(attributes) => (
        <textarea
          {...attributes}
          rows={3}
          spellcheck={false}
          value={value}
          onInput={({ currentTarget }) => onInput(currentTarget.value)}
        />
      )}
    </Field>
  )
}

/** An amount, its unit and its period. */
export function BudgetField({ value, onInput, ...part }: FieldPart<BudgetParts>) {
  const words = texts.value.keys
  return (
    <Field {...part}>
      {(attributes) => (
        <div class="budget-field">
          <input
            {...attributes}
            inputMode="decimal"
            autocomplete="off"
            value={value.amount}
            onInput={({ currentTarget }) => onInput({ ...value, amount: currentTarget.value })}
          />
          <select
            aria-label={words.unit}
            value={value.unit}
            onChange={({ currentTarget }) =>
              onInput({ ...value, unit: units.find((one) => one === currentTarget.value) ?? 'USD' })
            }
          >
            {units.map((unit) => (
              <option key={unit} value={unit}>
                {words.units[unit]}
              </option>
            ))}
          </select>
          <select
            aria-label={words.period}
            value={value.period}
            onChange={({ currentTarget }) =>
              onInput({ ...value, period: periods.find((one) => one === currentTarget.value) ?? '' })
            }
          >
            {periods.map((period) => (
              <option key={period} value={period}>
                {words.periods[period]}
              </option>
            ))}
          </select>
        </div>
      )}
    </Field>
  )
}

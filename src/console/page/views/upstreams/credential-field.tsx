import { texts } from '../../i18n/index.ts'
import { Field } from '../../kit/field.tsx'

interface CredentialFieldProps {
  readonly kind: 'key' | 'session' | 'url'
  readonly label: string
  readonly hint?: string | undefined
  readonly isRequired?: boolean
  readonly isWrong?: boolean
  readonly value: string
  readonly onInput: (text: string) => void
}

/** A field for a key, a session or an address. No browser keeps what is written in it. */
export function CredentialField(props: CredentialFieldProps) {
  const { kind, label, hint, isRequired = true, isWrong = false, value, onInput } = props
  const shared = { required: isRequired, autocomplete: 'off', spellcheck: false, value } as const
  return (
    <Field label={label} hint={hint}>
      {(attributes) => {
        const all = { ...attributes, ...shared, 'aria-invalid': isWrong } as const
        if (kind === 'session')
          return (
            <textarea
              {...all}
              class="secret-text"
              rows={6}
              onInput={({ currentTarget }) => onInput(currentTarget.value)}
            />
          )
        return kind === 'key' ? (
          <input {...all} type="password" onInput={({ currentTarget }) => onInput(currentTarget.value)} />
        ) : (
          <input {...all} type="text" onInput={({ currentTarget }) => onInput(currentTarget.value)} />
        )
      }}
    </Field>
  )
}

/** How to get the credential of a provider. */
export function HowTo({ provider, kind }: { readonly provider: string; readonly kind: CredentialFieldProps['kind'] }) {
  const { addDialog } = texts.value.upstreams
  const steps: Readonly<Record<string, string>> = addDialog.how
  const own = Object.hasOwn(steps, provider) ? steps[provider] : undefined
  if (kind === 'url' && own === undefined) return null
  return (
    <>
      {kind === 'session' && <p>{addDialog.howSession}</p>}
      {own === undefined ? kind === 'key' && <p>{addDialog.howKey}</p> : <p>{own}</p>}
    </>
  )
}

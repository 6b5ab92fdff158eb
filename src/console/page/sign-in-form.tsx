import { useSignal } from '@preact/signals'
import { texts } from './i18n/index.ts'
import { Brand } from './kit/brand.tsx'
import { Field } from './kit/field.tsx'
import type { ApiError } from './session/api.ts'
import { enter } from './session/me.ts'

/** Asks for the key. @param error why the last one was refused */
export function SignInForm({ error }: { readonly error: ApiError | undefined }) {
  const { signIn } = texts.value
  const text = useSignal('')
  const isBusy = useSignal(false)
  const submit = async (event: Event) => {
    event.preventDefault()
    isBusy.value = true
    await enter(text.value.trim())
    isBusy.value = false
  }
  return (
    <main class="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>
          <Brand /> tributary
        </h1>
        <p>{signIn.why}</p>
        <Field
          label={signIn.key}
          hint={signIn.hint}
          error={error?.code === 'invalid_api_key' ? signIn.wrong : error?.message}
        >
          {(attributes) => (
            <input
              {...attributes}
              type="password"
              autocomplete="off"
              required
              value={text.value}
              onInput={({ currentTarget }) => void (text.value = currentTarget.value)}
            />
          )}
        </Field>
        <button type="submit" class="button main" disabled={isBusy.value}>
          {signIn.enter}
        </button>
      </form>
    </main>
  )
}

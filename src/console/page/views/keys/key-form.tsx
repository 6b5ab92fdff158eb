import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { plain } from '../../i18n/marks.ts'
import { Dialog } from '../../kit/dialog.tsx'
import { Form } from '../../kit/form.tsx'
import { ApiError, askJson } from '../../session/api.ts'
import { BudgetField, type FieldPart, LineField, ModelsField, RoleField } from './key-fields.tsx'
import { changesOf, type KeyField, type KeyValues, newKeyOf, valuesOf } from './key-values.ts'
import type { ClientKey, MadeKey } from './types.ts'

interface KeyFormProps {
  /** The key to change; undefined for a new one. */
  readonly subject: ClientKey | undefined
  readonly onDone: (made: MadeKey | undefined) => void
  readonly onClose: () => void
}

/** Makes a key, or changes one. */
export function KeyForm({ subject, onDone, onClose }: KeyFormProps) {
  const words = texts.value.keys
  const values = useSignal<KeyValues>(valuesOf(subject))
  const error = useSignal<ApiError | undefined>(undefined)
  const submit = async () => {
    error.value = undefined
    try {
      onDone(await send(subject, values.peek()))
    } catch (thrown) {
      if (!(thrown instanceof ApiError)) throw thrown
      error.value = thrown
    }
  }
  const wrong = error.value && fieldOf(error.value)
  const partOf = <Name extends KeyField>(name: Name): FieldPart<KeyValues[Name]> => ({
    label: words.fields[name],
    hint: words.hints[name],
    error: wrong === name ? error.value?.message : undefined,
    value: values.value[name],
    onInput: (value) => void (values.value = { ...values.value, [name]: value }),
  })
  return (
    <Dialog title={subject ? plain(words.changeTitle(subject.name)) : words.newTitle} onClose={onClose}>
      <Form submit={subject ? words.save : words.make} busy={words.saving} onSubmit={submit} onCancel={onClose}>
        {error.value && wrong === undefined && (
          <p class="notice bad" role="alert">
            <bdi>{error.value.message}</bdi>
          </p>
        )}
        {!subject && <LineField {...partOf('name')} isRequired />}
        <div class="fields">
          <LineField {...partOf('owner')} />
          <RoleField {...partOf('role')} />
        </div>
        <ModelsField {...partOf('models')} />
        <div class="fields">
          <LineField {...partOf('rpm')} isNumber />
          <LineField {...partOf('tpm')} isNumber />
          <LineField {...partOf('concurrent')} isNumber />
          <LineField {...partOf('expires')} isDate />
        </div>
        <BudgetField {...partOf('budget')} />
      </Form>
    </Dialog>
  )
}

/** @throws ApiError */
async function send(subject: ClientKey | undefined, values: KeyValues): Promise<MadeKey | undefined> {
  if (!subject) return await askJson<MadeKey>('/admin/keys', { method: 'POST', body: newKeyOf(values) })
  const body = changesOf(valuesOf(subject), values)
  const path = `/admin/keys/${encodeURIComponent(subject.name)}`
  if (Object.keys(body).length > 0) await askJson(path, { method: 'PATCH', body })
  return undefined
}

/** The field that an error is about; undefined if it is about none. */
function fieldOf({ param, code }: ApiError): KeyField | undefined {
  if (code === 'key_exists') return 'name'
  const fields = ['name', 'owner', 'role', 'models', 'rpm', 'tpm', 'concurrent', 'budget', 'expires'] as const
  return fields.find((field) => field === param)
}

import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { Field } from '../../kit/field.tsx'
import { askJson } from '../../session/api.ts'
import { CredentialField } from './credential-field.tsx'
import { CredentialForm } from './credential-form.tsx'
import { KeptNote } from './kept-note.tsx'
import type { AddedAccounts } from './types.ts'
import { variableName } from './variables.ts'

interface AddCompatibleProps {
  readonly onAdded: () => void
  readonly onClose: () => void
  readonly onAnother: () => void
}

/** Adds any server that speaks OpenAI's API. */
export function AddCompatible(parts: AddCompatibleProps) {
  const { addDialog } = texts.value.upstreams
  const [server, url, key, models] = [useSignal(''), useSignal(''), useSignal(''), useSignal('')]
  const prefix = `UPSTREAM_${variableName(server.value.trim()) ?? 'NAME'}`
  const check = () => {
    if (variableName(server.value.trim()) === undefined) return addDialog.nameError
    return /^https?:\/\//i.test(url.value.trim()) ? undefined : addDialog.urlError
  }
  const send = (force: boolean) =>
    askJson<AddedAccounts>('/admin/accounts', {
      method: 'POST',
      body: {
        variables: {
          [`${prefix}_URL`]: url.value.trim(),
          ...(key.value.trim() !== '' && { [`${prefix}_KEY`]: key.value.trim() }),
          ...(models.value.trim() !== '' && { [`${prefix}_MODELS`]: models.value.trim() }),
        },
        ...(force && { force }),
      },
    })
  return (
    <CredentialForm send={send} check={check} {...parts}>
      {(problem) => (
        <>
          <Field label={addDialog.name} hint={addDialog.nameHint}>
            {(attributes) => (
              <input
                {...attributes}
                required
                maxLength={40}
                autocomplete="off"
                spellcheck={false}
                value={server.value}
                onInput={({ currentTarget }) => void (server.value = currentTarget.value)}
              />
            )}
          </Field>
          <CredentialField
            kind="url"
            label={addDialog.url}
            hint={addDialog.urlHint}
            isWrong={problem?.param === `${prefix}_URL`}
            value={url.value}
            onInput={(written) => void (url.value = written)}
          />
          <CredentialField
            kind="key"
            label={addDialog.optionalKey}
            isRequired={false}
            isWrong={problem?.param === `${prefix}_KEY`}
            value={key.value}
            onInput={(written) => void (key.value = written)}
          />
          <CredentialField
            kind="url"
            label={addDialog.models}
            hint={addDialog.modelsHint}
            isRequired={false}
            isWrong={problem?.param === `${prefix}_MODELS`}
            value={models.value}
            onInput={(written) => void (models.value = written)}
          />
          <KeptNote variable={`${prefix}_URL`} />
        </>
      )}
    </CredentialForm>
  )
}

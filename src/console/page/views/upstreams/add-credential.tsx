import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { Words } from '../../kit/words.tsx'
import { askJson } from '../../session/api.ts'
import { CredentialField, HowTo } from './credential-field.tsx'
import { CredentialForm } from './credential-form.tsx'
import { KeptNote } from './kept-note.tsx'
import type { AddedAccounts, Available } from './types.ts'
import { modelsVariable } from './variables.ts'

interface AddCredentialProps {
  readonly service: Pick<Available, 'provider' | 'kind'>
  readonly variable: string
  readonly onAdded: () => void
  readonly onClose: () => void
  readonly onAnother?: () => void
}

/** Something that may be set beside a credential. */
interface Companion {
  readonly variable: string
  readonly kind: 'key' | 'url'
  readonly label: string
  readonly hint: string
}

/** Without its public key a session cannot be renewed; and a service that lists no models serves those that are named. */
function companionOf({ provider, kind }: AddCredentialProps['service'], variable: string): Companion | undefined {
  const { addDialog } = texts.value.upstreams
  if (provider === 'smithery' && kind === 'session')
    return { variable: 'SMITHERY_SUPABASE_ANON_KEY', kind: 'key', label: addDialog.more, hint: addDialog.moreHint }
  const models = kind === 'key' ? modelsVariable(variable) : undefined
  return models === undefined
    ? undefined
    : { variable: models, kind: 'url', label: addDialog.models, hint: addDialog.modelsHint }
}

/** Adds the credential of a known service. */
export function AddCredential({ service, variable, ...parts }: AddCredentialProps) {
  const { provider, kind } = service
  const { addDialog } = texts.value.upstreams
  const [text, more] = [useSignal(''), useSignal('')]
  const companion = companionOf(service, variable)
  const send = (force: boolean) => {
    const further = companion && more.value.trim() !== '' ? { [companion.variable]: more.value.trim() } : {}
    const variables = { [variable]: text.value.trim(), ...further }
    return askJson<AddedAccounts>('/admin/accounts', {
      method: 'POST',
      body: { variables, ...(force && { force }) },
    })
  }
  const label = { key: addDialog.key, session: addDialog.session, url: addDialog.address }[kind]
  return (
    <CredentialForm send={send} {...parts}>
      {(problem) => (
        <>
          <div class="how">
            <HowTo provider={provider} kind={kind} />
            <p class="hint">
              <Words text={addDialog.guide} />
            </p>
          </div>
          <CredentialField
            kind={kind}
            label={label}
            hint={kind === 'url' ? addDialog.addressHint : undefined}
            isWrong={problem !== undefined && problem.param !== companion?.variable}
            value={text.value}
            onInput={(written) => void (text.value = written)}
          />
          {companion && (
            <CredentialField
              kind={companion.kind}
              label={companion.label}
              hint={companion.hint}
              isRequired={false}
              isWrong={problem?.param === companion.variable}
              value={more.value}
              onInput={(written) => void (more.value = written)}
            />
          )}
          <KeptNote variable={variable} />
        </>
      )}
    </CredentialForm>
  )
}

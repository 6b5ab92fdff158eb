import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { Words } from '../../kit/words.tsx'
import { askJson } from '../../session/api.ts'
import { CredentialField, HowTo } from './credential-field.tsx'
import { CredentialForm } from './credential-form.tsx'
import type { AddedAccounts, Available } from './types.ts'

interface AddCredentialProps {
  readonly service: Pick<Available, 'provider' | 'kind'>
  readonly variable: string
  readonly onAdded: () => void
  readonly onClose: () => void
  readonly onAnother?: () => void
}

/** A second variable that a session needs to be renewed. */
const companions: Readonly<Record<string, string>> = { smithery: 'SMITHERY_SUPABASE_ANON_KEY' }

/** Adds the credential of a known service. */
export function AddCredential({ service: { provider, kind }, variable, ...parts }: AddCredentialProps) {
  const { addDialog } = texts.value.upstreams
  const [text, more] = [useSignal(''), useSignal('')]
  const companion = kind === 'session' && Object.hasOwn(companions, provider) ? companions[provider] : undefined
  const send = (force: boolean) =>
    askJson<AddedAccounts>('/admin/accounts', {
      method: 'POST',
      body: {
        variables: {
          [variable]: text.value.trim(),
          ...(companion !== undefined && more.value.trim() !== '' && { [companion]: more.value.trim() }),
        },
        ...(force && { force }),
      },
    })
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
            isWrong={problem !== undefined && problem.param !== companion}
            value={text.value}
            onInput={(written) => void (text.value = written)}
          />
          {companion !== undefined && (
            <CredentialField
              kind="key"
              label={addDialog.more}
              hint={addDialog.moreHint}
              isRequired={false}
              isWrong={problem?.param === companion}
              value={more.value}
              onInput={(written) => void (more.value = written)}
            />
          )}
          <p class="hint">
            <Words text={addDialog.kept(variable)} />
          </p>
        </>
      )}
    </CredentialForm>
  )
}

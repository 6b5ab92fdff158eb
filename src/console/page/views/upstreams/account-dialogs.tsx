import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { plain, shortened } from '../../i18n/marks.ts'
import { Button } from '../../kit/button.tsx'
import { Dialog } from '../../kit/dialog.tsx'
import { Field } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { LinkButton } from '../../kit/link-button.tsx'
import { attempt } from '../../kit/toast.tsx'
import { Words } from '../../kit/words.tsx'
import { hrefOf } from '../../router.ts'
import { ask, askJson } from '../../session/api.ts'
import { CredentialField, HowTo } from './credential-field.tsx'
import { CredentialForm } from './credential-form.tsx'
import { KeptNote } from './kept-note.tsx'
import { credentialPath, pathOf } from './paths.ts'
import type { Account, AddedAccounts, Upstream } from './types.ts'

interface AccountDialogProps {
  readonly upstream: Upstream
  readonly account: Account
  readonly onClose: () => void
  readonly reload: () => void
}

const restChoices = ['15', '60', '360', '1440'] as const

/** Lets an account rest for a time. */
export function RestDialog({ upstream, account: { label }, onClose, reload }: AccountDialogProps) {
  const { restDialog, account: words } = texts.value.upstreams
  const minutes = useSignal('60')
  const submit = async () => {
    const path = `${pathOf(upstream.name, label)}/rest`
    const rests = () => ask(path, { method: 'POST', body: { minutes: Number(minutes.value) } })
    if (!(await attempt(rests, words.resting(shortened(label))))) return
    reload()
    onClose()
  }
  return (
    <Dialog title={plain(restDialog.title(label))} onClose={onClose}>
      <Form submit={restDialog.submit} onSubmit={submit} onCancel={onClose}>
        <p>{restDialog.text}</p>
        <div class="row">
          {restChoices.map((choice) => (
            <Button key={choice} onPress={() => void (minutes.value = choice)}>
              {restDialog.choices[choice]}
            </Button>
          ))}
        </div>
        <Field label={restDialog.minutes}>
          {(attributes) => (
            <input
              {...attributes}
              type="number"
              min="1"
              max="43200"
              required
              value={minutes.value}
              onInput={({ currentTarget }) => void (minutes.value = currentTarget.value)}
            />
          )}
        </Field>
      </Form>
    </Dialog>
  )
}

/** Asks whether a credential of the state shall be deleted. */
export function RemoveDialog({ account: { label, variable }, onClose, reload }: AccountDialogProps) {
  const { removeDialog, account: words } = texts.value.upstreams
  const remove = async () => {
    const removes = () => ask(credentialPath(variable ?? ''), { method: 'DELETE' })
    if (!(await attempt(removes, words.removed(shortened(label))))) return
    reload()
    onClose()
  }
  return (
    <Dialog title={plain(removeDialog.title(label))} onClose={onClose}>
      <p>
        <Words text={removeDialog.text(variable ?? '')} />
      </p>
      <div class="form-foot">
        <Button onPress={onClose}>{texts.value.words.cancel}</Button>
        <Button kind="danger" icon="trash" onPress={remove}>
          {removeDialog.submit}
        </Button>
      </div>
    </Dialog>
  )
}

interface ReplaceDialogProps extends AccountDialogProps {
  /** Opens the dialog that adds a further account. */
  readonly onAdd: (() => void) | undefined
}

/** Replaces the credential of an account; those that cannot be replaced here say where they can. */
export function ReplaceDialog({ upstream, account, onClose, reload, onAdd }: ReplaceDialogProps) {
  const { replaceDialog } = texts.value.upstreams
  return (
    <Dialog title={plain(replaceDialog.title(account.label))} onClose={onClose}>
      {account.source === 'state' && account.variable !== null ? (
        <Replacement upstream={upstream} variable={account.variable} onClose={onClose} reload={reload} />
      ) : (
        <>
          <p>
            {account.source === 'made' ? replaceDialog.made : <Words text={replaceDialog.readOnly(account.variable)} />}
          </p>
          <div class="form-foot">
            {account.source !== 'made' && (
              <LinkButton href={hrefOf(['settings'], { name: account.variable ?? '' })}>
                {replaceDialog.settings}
              </LinkButton>
            )}
            {onAdd && account.source !== 'made' && (
              <Button kind="main" onPress={onAdd}>
                {replaceDialog.addHere}
              </Button>
            )}
          </div>
        </>
      )}
    </Dialog>
  )
}

interface ReplacementProps {
  readonly upstream: Upstream
  readonly variable: string
  readonly onClose: () => void
  readonly reload: () => void
}

function Replacement({ upstream, variable, onClose, reload }: ReplacementProps) {
  const { addDialog } = texts.value.upstreams
  const kind = kindOf(upstream, variable)
  const text = useSignal('')
  const send = (force: boolean) =>
    askJson<AddedAccounts>(credentialPath(variable), {
      method: 'PUT',
      body: { value: text.value.trim(), ...(force && { force }) },
    })
  return (
    <CredentialForm send={send} onAdded={reload} onClose={onClose}>
      {(problem) => (
        <>
          <div class="how">
            <HowTo provider={upstream.provider ?? ''} kind={kind} />
            <p class="hint">
              <Words text={addDialog.guide} />
            </p>
          </div>
          <CredentialField
            kind={kind}
            label={{ key: addDialog.key, session: addDialog.session, url: addDialog.address }[kind]}
            isWrong={problem !== undefined}
            value={text.value}
            onInput={(written) => void (text.value = written)}
          />
          <KeptNote variable={variable} />
        </>
      )}
    </CredentialForm>
  )
}

/** An account without a credential has the variable of its address. */
function kindOf({ credential }: Upstream, variable: string): 'key' | 'session' | 'url' {
  if (/_(URL|HOST)$/.test(variable)) return 'url'
  return credential?.kind === 'session' ? 'session' : 'key'
}

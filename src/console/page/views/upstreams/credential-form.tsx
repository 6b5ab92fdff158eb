import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { duration } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { Form } from '../../kit/form.tsx'
import { LinkButton } from '../../kit/link-button.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import { Words } from '../../kit/words.tsx'
import { hrefOf } from '../../router.ts'
import { ApiError } from '../../session/api.ts'
import type { AddedAccounts } from './types.ts'

interface CredentialFormProps {
  /** Sends the credential. @param force keeps it although it could not be tried */
  readonly send: (force: boolean) => Promise<AddedAccounts>
  /** What is wrong with what was written, if anything. */
  readonly check?: () => string | undefined
  readonly onAdded: () => void
  readonly onClose: () => void
  /** Begins again with an empty form. */
  readonly onAnother?: () => void
  readonly children: (problem: Problem | undefined) => ComponentChildren
}

/** What was refused: the variable, if the answer names one, and why. */
export interface Problem {
  readonly param: string | undefined
  readonly message: string
}

/** Sends a credential, and says in words what the upstream and the gateway made of it. */
export function CredentialForm({ send, check, onAdded, onClose, onAnother, children }: CredentialFormProps) {
  const { addDialog } = texts.value.upstreams
  const failure = useSignal<ApiError | undefined>(undefined)
  const added = useSignal<AddedAccounts | undefined>(undefined)
  const submit = async (force: boolean) => {
    const wrong = check?.()
    failure.value = wrong === undefined ? undefined : new ApiError(0, { message: wrong, code: 'page', param: 'page' })
    if (wrong !== undefined) return
    try {
      added.value = await send(force)
      onAdded()
    } catch (thrown) {
      failure.value = thrown instanceof ApiError ? thrown : new ApiError(0, { message: String(thrown), code: 'page' })
    }
  }
  if (added.value) return <Added added={added.value} onClose={onClose} onAnother={onAnother} />
  const known = failure.value
  const isUntested = known?.code === 'credential_not_tested'
  return (
    <Form submit={addDialog.submit} busy={addDialog.busy} onSubmit={() => submit(false)} onCancel={onClose}>
      {children(known && !isUntested ? known : undefined)}
      {known && (
        <div
          key={String(isUntested)}
          ref={(alert) => alert?.scrollIntoView({ block: 'nearest' })}
          class={isUntested ? 'notice warning' : 'notice bad'}
          role="alert"
        >
          <div>
            {isUntested && <p>{addDialog.notTested}</p>}
            {known.code === 'credential_refused' && <p>{addDialog.refused}</p>}
            <p>
              <Untrusted text={known.message} max={400} />
            </p>
          </div>
          {isUntested && <Button onPress={() => submit(true)}>{addDialog.keepAnyway}</Button>}
        </div>
      )}
    </Form>
  )
}

interface AddedProps {
  readonly added: AddedAccounts
  readonly onClose: () => void
  readonly onAnother: (() => void) | undefined
}

function Added({ added: { upstream, test }, onClose, onAnother }: AddedProps) {
  const { addDialog } = texts.value.upstreams
  const shown = useRef<HTMLDivElement>(null)
  // the button that had the focus is gone
  useEffect(() => shown.current?.querySelector<HTMLElement>('.button.main')?.focus(), [])
  return (
    <div class="pile" role="status" ref={shown}>
      {test?.works ? (
        <p class="notice good">
          <span>
            <Words text={addDialog.works(upstream, test.model, duration(test.took_ms))} />
          </span>
        </p>
      ) : (
        <div class="notice warning">
          <div>
            <p>
              <Words text={addDialog.untested(upstream)} />
            </p>
            {test?.error && (
              <p>
                <Untrusted text={test.error.message} />
              </p>
            )}
          </div>
        </div>
      )}
      <div class="form-foot">
        {onAnother && <Button onPress={onAnother}>{addDialog.another}</Button>}
        <LinkButton href={hrefOf(['try'])}>{addDialog.tryIt}</LinkButton>
        <Button kind="main" onPress={onClose}>
          {texts.value.words.close}
        </Button>
      </div>
    </div>
  )
}

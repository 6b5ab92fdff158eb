import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { plain } from '../../i18n/marks.ts'
import { Button } from '../../kit/button.tsx'
import { Dialog } from '../../kit/dialog.tsx'
import { attempt, tell } from '../../kit/toast.tsx'
import { Empty, Loaded, View } from '../../kit/view.tsx'
import { ask, askJson } from '../../session/api.ts'
import { useResource } from '../../session/resource.ts'
import { type BudgetUses, loadBudgetUses } from './budget-use.ts'
import { KeyForm } from './key-form.tsx'
import { KeyTable } from './key-table.tsx'
import { MadeKeyPart } from './made-key.tsx'
import type { ClientKey, MadeKey } from './types.ts'

interface KeyList {
  readonly keys: readonly ClientKey[]
  readonly uses: BudgetUses
}

/** The client keys: what each may do, and what is left of it. */
export function KeysView() {
  const words = texts.value.keys
  const resource = useResource(load)
  const edited = useSignal<{ readonly subject: ClientKey | undefined } | undefined>(undefined)
  const revoked = useSignal<ClientKey | undefined>(undefined)
  const made = useSignal<MadeKey | undefined>(undefined)
  const make = () => void (edited.value = { subject: undefined })
  const close = () => void (edited.value = undefined)
  const done = (subject: ClientKey | undefined, key: MadeKey | undefined) => {
    close()
    resource.reload()
    if (key) made.value = key
    else if (subject) tell(words.changed(subject.name))
  }
  return (
    <View
      title={texts.value.views.keys}
      actions={
        <Button kind="main" icon="plus" onPress={make}>
          {words.make}
        </Button>
      }
    >
      {made.value && <MadeKeyPart made={made.value} onDismiss={() => void (made.value = undefined)} />}
      <p class="quiet-text">{words.about}</p>
      <Loaded resource={resource}>
        {({ keys, uses }) =>
          keys.length === 0 ? (
            <Empty>{words.none}</Empty>
          ) : (
            <KeyTable
              keys={keys}
              uses={uses}
              onChange={(subject) => void (edited.value = { subject })}
              onRevoke={(subject) => void (revoked.value = subject)}
            />
          )
        }
      </Loaded>
      {edited.value && (
        <KeyForm subject={edited.value.subject} onDone={(key) => done(edited.peek()?.subject, key)} onClose={close} />
      )}
      {revoked.value && (
        <RevokeDialog
          name={revoked.value.name}
          onDone={() => {
            if (made.peek()?.name === revoked.peek()?.name) made.value = undefined
            resource.reload()
          }}
          onClose={() => void (revoked.value = undefined)}
        />
      )}
    </View>
  )
}

async function load(signal: AbortSignal): Promise<KeyList> {
  const { data } = await askJson<{ readonly data: readonly ClientKey[] }>('/admin/keys', { signal })
  return { keys: data, uses: await loadBudgetUses(data, signal).catch(() => new Map()) }
}

interface RevokeDialogProps {
  readonly name: string
  readonly onDone: () => void
  readonly onClose: () => void
}

function RevokeDialog({ name, onDone, onClose }: RevokeDialogProps) {
  const words = texts.value.keys
  const revoke = async () => {
    const work = () => ask(`/admin/keys/${encodeURIComponent(name)}`, { method: 'DELETE' })
    if (await attempt(work, words.revoked(name))) onDone()
    onClose()
  }
  return (
    <Dialog title={plain(words.revokeTitle(name))} onClose={onClose}>
      <p>{words.revokeText}</p>
      <div class="form-foot">
        <Button onPress={onClose}>{texts.value.words.cancel}</Button>
        <Button kind="danger" icon="trash" onPress={revoke}>
          {words.revoke}
        </Button>
      </div>
    </Dialog>
  )
}

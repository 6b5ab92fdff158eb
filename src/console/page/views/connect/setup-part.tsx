import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { Combobox } from '../../kit/combobox.tsx'
import { Field } from '../../kit/field.tsx'
import { attempt, tell } from '../../kit/toast.tsx'
import { key } from '../../session/key.ts'
import { isAdmin } from '../../session/me.ts'
import type { ListedModel } from '../../session/models.ts'
import { makeKey, model, serverUrl, typedKey, urlIn } from './setup.ts'

interface SetupProps {
  readonly models: readonly ListedModel[]
  /** The client for which a key is made. */
  readonly client: string
  /** Why there are no models. */
  readonly error: string | undefined
}

/** The address, the key and the model that stand in the settings. */
export function SetupPart({ models, client, error }: SetupProps) {
  const { connect: words, try: ofTry } = texts.value
  return (
    <section class="card setup" aria-label={words.setup}>
      <Field
        label={words.address}
        hint={words.addressHint}
        error={urlIn(serverUrl.value) === undefined ? words.wrongAddress : undefined}
      >
        {(attributes) => (
          <input
            {...attributes}
            type="url"
            spellcheck={false}
            autocomplete="off"
            value={serverUrl.value}
            onInput={({ currentTarget }) => void (serverUrl.value = currentTarget.value)}
          />
        )}
      </Field>
      <KeyField client={client} />
      <Field label={ofTry.model} hint={words.modelHint} error={error}>
        {({ id, 'aria-describedby': about }) => (
          <Combobox
            attributes={{ id, 'aria-describedby': about }}
            label={ofTry.model}
            placeholder={ofTry.noModel}
            value={model.value}
            choices={models.map(({ id: value, members }) => ({ value, note: members && ofTry.panel(members.length) }))}
            words={{ nothing: ofTry.noSuchModel, more: ofTry.moreModels }}
            onChoose={(name) => void (model.value = name)}
          />
        )}
      </Field>
    </section>
  )
}

function KeyField({ client }: { readonly client: string }) {
  const { connect: words } = texts.value
  const isShown = useSignal(false)
  const make = () =>
    attempt(async () => {
      const name = await makeKey(client)
      isShown.value = true
      tell(words.made(name))
    })
  return (
    <form class="key-field" onSubmit={(event) => event.preventDefault()}>
      <Field label={words.key} hint={typedKey.value === '' ? words.noKeyHint : words.keyHint}>
        {(attributes) => (
          <input
            {...attributes}
            {...(isShown.value ? { type: 'text' as const } : { type: 'password' as const })}
            autocomplete="off"
            spellcheck={false}
            placeholder="TRIBUTARY_KEY"
            value={typedKey.value}
            onInput={({ currentTarget }) => void (typedKey.value = currentTarget.value)}
          />
        )}
      </Field>
      <div class="row">
        {isAdmin() && (
          <Button icon="plus" onPress={make}>
            {words.makeKey}
          </Button>
        )}
        {key.value !== undefined && typedKey.value !== key.value && (
          <Button kind="quiet" onPress={() => void (typedKey.value = key.value ?? '')}>
            {words.useOwnKey}
          </Button>
        )}
        {typedKey.value !== '' && (
          <>
            <Button kind="quiet" onPress={() => void (isShown.value = !isShown.value)}>
              {isShown.value ? words.hide : words.show}
            </Button>
            <Button kind="quiet" onPress={() => void (typedKey.value = '')}>
              {words.clear}
            </Button>
          </>
        )}
      </div>
    </form>
  )
}

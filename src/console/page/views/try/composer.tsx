import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { Field } from '../../kit/field.tsx'
import { Fold } from '../../kit/fold.tsx'
import { tell } from '../../kit/toast.tsx'
import { columns, options, running, save, send, stopAll, system } from './conversation.ts'
import { membersOf, optionNames } from './options.ts'
import { OptionsView } from './options-view.tsx'
import { enterSends, setEnterSends } from './send-key.ts'

/** The box for the question, and what is sent with it. */
export function Composer() {
  const { try: words } = texts.value
  const prompt = useSignal('')
  const box = useRef<HTMLTextAreaElement>(null)
  const isBusy = running.value.length > 0
  const submit = () => {
    if (isBusy || prompt.value.trim() === '') return
    if (!send(prompt.value))
      return tell(membersOf(options.value) ? words.chooseModel : words.mendParameters, { isBad: true })
    prompt.value = ''
    box.current?.focus()
  }
  const press = (event: KeyboardEvent) => {
    // Enter may only end the writing of a Chinese word
    if (event.key !== 'Enter' || event.isComposing || event.shiftKey) return
    if (!enterSends.value && !event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    submit()
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <div class="ask">
        <textarea
          ref={box}
          aria-label={words.prompt}
          aria-describedby="send-hint"
          placeholder={words.prompt}
          dir="auto"
          rows={2}
          value={prompt.value}
          onInput={({ currentTarget }) => void (prompt.value = currentTarget.value)}
          onKeyDown={press}
        />
        {isBusy ? (
          <Button icon="stop" onPress={stopAll}>
            {running.value.length > 1 ? words.stopAll : words.stop}
          </Button>
        ) : (
          <button type="submit" class="button main" disabled={prompt.value.trim() === ''}>
            {columns.value.length > 1 ? words.sendTo(columns.value.length) : words.send}
          </button>
        )}
      </div>
      <div class="row ask-foot">
        <label class="check">
          <input
            type="checkbox"
            checked={enterSends.value}
            onChange={({ currentTarget }) => setEnterSends(currentTarget.checked)}
          />
          <span id="send-hint">{enterSends.value ? words.enterSends : words.enterBreaks}</span>
        </label>
        <Extras />
      </div>
    </form>
  )
}

/** The system prompt and the parameters, folded. */
function Extras() {
  const { try: words } = texts.value
  const on = optionNames.filter((name) => options.value[name].isOn).length
  return (
    <>
      <Fold title={system.value.trim() === '' ? words.system : words.systemOn}>
        <Field label={words.system} hint={words.systemHint}>
          {(attributes) => (
            <textarea
              {...attributes}
              dir="auto"
              value={system.value}
              onInput={({ currentTarget }) => void (system.value = currentTarget.value)}
              onChange={save}
            />
          )}
        </Field>
      </Fold>
      <Fold title={on === 0 ? words.options : words.optionsOn(on)}>
        <OptionsView />
      </Fold>
    </>
  )
}

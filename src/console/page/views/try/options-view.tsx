import { useId } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { options, save } from './conversation.ts'
import { type Option, type OptionName, optionKinds, optionNames, readOption } from './options.ts'

/** The parameters, each with a switch. Only those that are on are sent. */
export function OptionsView() {
  const { try: words } = texts.value
  return (
    <div class="options">
      <p class="hint">{words.optionsHint}</p>
      {optionNames.map((name) => (
        <OptionRow key={name} name={name} />
      ))}
    </div>
  )
}

function OptionRow({ name }: { readonly name: OptionName }) {
  const { try: words } = texts.value
  const id = useId()
  const { isOn, text } = options.value[name]
  const set = (changed: Partial<Option>) => {
    options.value = { ...options.value, [name]: { isOn, text, ...changed } }
    save()
  }
  const found = readOption(name, text)
  const problem = isOn && 'problem' in found ? words.problems[found.problem](found.min ?? 0, found.max ?? 0) : undefined
  return (
    <div class="option">
      <label class="check">
        <input type="checkbox" checked={isOn} onChange={({ currentTarget }) => set({ isOn: currentTarget.checked })} />
        <code>{name}</code>
      </label>
      <OptionControl
        name={name}
        text={text}
        attributes={{
          'aria-label': words.valueOf(name),
          'aria-invalid': problem !== undefined,
          'aria-describedby': id,
          disabled: !isOn,
        }}
        onChange={(changed) => set({ text: changed })}
      />
      <p id={id} class={problem === undefined ? 'hint' : 'hint bad'}>
        {problem ?? words.optionHints[name]}
      </p>
    </div>
  )
}

interface ControlProps {
  readonly name: OptionName
  readonly text: string
  readonly attributes: {
    readonly 'aria-label': string
    readonly 'aria-invalid': boolean
    readonly 'aria-describedby': string
    readonly disabled: boolean
  }
  readonly onChange: (text: string) => void
}

function OptionControl({ name, text, attributes, onChange }: ControlProps) {
  const kind = optionKinds[name]
  switch (kind.kind) {
    case 'number':
    case 'whole':
      return (
        <input
          {...attributes}
          type="number"
          min={kind.min}
          max={kind.max}
          step={kind.step}
          value={text}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )
    case 'choice':
      return (
        <select {...attributes} value={text} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
          {kind.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      )
    case 'lines':
    case 'json':
      return (
        <textarea
          {...attributes}
          rows={2}
          spellcheck={false}
          value={text}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )
  }
}

import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { Badge } from './badge.tsx'

/** Something that can be chosen. */
export interface Choice {
  readonly value: string
  /** A word about it, shown beside it. */
  readonly note?: string | undefined
}

interface ComboboxProps {
  readonly label: string
  readonly value: string
  readonly choices: readonly Choice[]
  readonly onChoose: (value: string) => void
  /** What is said if nothing matches, and how many more there are. */
  readonly words: { readonly nothing: string; readonly more: (count: number) => string }
  readonly placeholder?: string
  readonly disabled?: boolean
  /** What a `Field` around it says. */
  readonly attributes?: { readonly id: string; readonly 'aria-describedby': string }
}

const maxShown = 60

/** A field with a list that narrows while somebody types. Any text may be chosen. (WAI-ARIA, Combobox pattern) */
export function Combobox({
  label,
  value,
  choices,
  onChoose,
  words,
  placeholder,
  attributes,
  disabled = false,
}: ComboboxProps) {
  const id = useId()
  const typed = useSignal<string | undefined>(undefined)
  const isOpen = useSignal(false)
  const active = useSignal(-1)
  const found = isOpen.value ? matching(choices, typed.value ?? '') : []
  const shown = found.slice(0, maxShown)
  const left = found.length - shown.length
  const aside = shown.length === 0 ? words.nothing : left > 0 ? words.more(left) : undefined
  const close = () => {
    isOpen.value = false
    typed.value = undefined
    active.value = -1
  }
  const open = () => {
    if (isOpen.value) return
    isOpen.value = true
    active.value = -1
  }
  const choose = (text: string) => {
    close()
    if (text !== '' && text !== value) onChoose(text)
  }
  const move = (step: number) => {
    open()
    const from = active.value < 0 && step < 0 ? 0 : active.value
    active.value = shown.length === 0 ? -1 : (from + step + shown.length) % shown.length
  }
  const press = (event: KeyboardEvent) => {
    if (event.isComposing) return
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      move(event.key === 'ArrowDown' ? 1 : -1)
    } else if (event.key === 'Enter') {
      event.preventDefault()
      choose(shown[active.value]?.value ?? (typed.value || value))
    } else if (event.key === 'Escape' && isOpen.value) {
      event.preventDefault()
      close()
    }
  }
  return (
    <div class="combobox">
      <input
        {...attributes}
        role="combobox"
        aria-label={label}
        aria-expanded={isOpen.value}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        {...(shown[active.value] && { 'aria-activedescendant': `${id}-${active.value}` })}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder={placeholder}
        title={value}
        disabled={disabled}
        value={typed.value ?? value}
        onInput={({ currentTarget }) => {
          open()
          typed.value = currentTarget.value
          active.value = -1
        }}
        onFocus={({ currentTarget }) => currentTarget.select()}
        onClick={open}
        onKeyDown={press}
        onBlur={() => choose(typed.value ?? value)}
      />
      <div class={isOpen.value ? 'popup' : 'popup closed'}>
        <Choices id={id} label={label} shown={shown} active={active.value} onChoose={choose} />
        <p class="hint" role="status">
          {isOpen.value && aside}
        </p>
      </div>
    </div>
  )
}

interface ChoicesProps {
  readonly id: string
  readonly label: string
  readonly shown: readonly Choice[]
  readonly active: number
  readonly onChoose: (value: string) => void
}

function Choices({ id, label, shown, active, onChoose }: ChoicesProps) {
  return (
    <div class="choices-list" id={`${id}-list`} role="listbox" aria-label={label}>
      {shown.map(({ value, note }, at) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
        <div
          key={value}
          id={`${id}-${at}`}
          role="option"
          tabIndex={-1}
          aria-selected={at === active}
          ref={(element) => {
            if (at === active) element?.scrollIntoView({ block: 'nearest' })
          }}
          // the field keeps the focus
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onChoose(value)}
        >
          <bdi>{value}</bdi>
          {note !== undefined && <Badge>{note}</Badge>}
        </div>
      ))}
    </div>
  )
}

/** The choices that have each of the words in their name. */
function matching(choices: readonly Choice[], typed: string): readonly Choice[] {
  const parts = typed
    .toLowerCase()
    .split(/\s+/)
    .filter((part) => part !== '')
  return choices.filter(({ value, note = '' }) => {
    const name = `${value} ${note}`.toLowerCase()
    return parts.every((part) => name.includes(part))
  })
}

import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { Icon, type IconName } from './icon.tsx'

interface ButtonProps {
  readonly onPress: () => unknown
  readonly kind?: 'main' | 'plain' | 'danger' | 'quiet'
  readonly icon?: IconName
  /** The name for screen readers, if the children do not say it. */
  readonly label?: string
  readonly disabled?: boolean
  readonly children?: ComponentChildren
}

/** A button. While what it started has not ended, it cannot be pressed again. */
export function Button({ onPress, kind = 'plain', icon, label, disabled = false, children }: ButtonProps) {
  const isBusy = useSignal(false)
  const press = async () => {
    isBusy.value = true
    try {
      await onPress()
    } finally {
      isBusy.value = false
    }
  }
  return (
    <button
      type="button"
      class={`button ${kind}`}
      disabled={disabled || isBusy.value}
      aria-busy={isBusy.value}
      {...(label !== undefined && { 'aria-label': label, title: label })}
      onClick={() => void press()}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  )
}

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
  /** Whether what it shows and hides is shown; leave it out if it shows nothing. */
  readonly isOpen?: boolean
  readonly children?: ComponentChildren
}

/** A button. While what it started has not ended, it cannot be pressed again, and it keeps the focus. */
export function Button({ onPress, kind = 'plain', icon, label, disabled = false, isOpen, children }: ButtonProps) {
  const isBusy = useSignal(false)
  const press = async () => {
    if (isBusy.value) return
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
      disabled={disabled}
      aria-disabled={isBusy.value}
      aria-busy={isBusy.value}
      {...(isOpen !== undefined && { 'aria-expanded': isOpen })}
      {...(label !== undefined && { 'aria-label': label, title: label })}
      onClick={() => void press()}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  )
}

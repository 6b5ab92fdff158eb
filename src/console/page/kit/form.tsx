import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { texts } from '../i18n/index.ts'

interface FormProps {
  readonly onSubmit: () => Promise<unknown>
  /** The text of the button that sends the form. */
  readonly submit: string
  /** What is said while it is being sent. */
  readonly busy?: string
  readonly onCancel?: () => void
  readonly children: ComponentChildren
}

/** A form with its buttons. While it is being sent, it cannot be sent again. */
export function Form({ onSubmit, submit, busy, onCancel, children }: FormProps) {
  const isBusy = useSignal(false)
  const send = async (event: Event) => {
    event.preventDefault()
    if (isBusy.value) return
    isBusy.value = true
    try {
      await onSubmit()
    } finally {
      isBusy.value = false
    }
  }
  return (
    <form class="form" onSubmit={(event) => void send(event)}>
      {children}
      <footer class="form-foot">
        <p class="quiet-text" role="status">
          {isBusy.value ? busy : undefined}
        </p>
        {onCancel && (
          <button type="button" class="button" onClick={onCancel}>
            {texts.value.words.cancel}
          </button>
        )}
        <button type="submit" class="button main" aria-disabled={isBusy.value} aria-busy={isBusy.value}>
          {submit}
        </button>
      </footer>
    </form>
  )
}

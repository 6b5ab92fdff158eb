import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { texts } from '../i18n/index.ts'
import { Button } from './button.tsx'

interface DialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** A modal dialog. Escape closes it, the focus stays in it, and goes back to where it was. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const isGone = useRef(false)
  const id = useId()
  useEffect(() => {
    const shown = dialog.current
    shown?.showModal()
    // the first control of the content is what the reader came for, not the button that closes
    shown?.querySelector<HTMLElement>('input, select, textarea, .form-foot .button')?.focus()
    // a dialog that is only taken away does not give the focus back
    return () => {
      isGone.current = true
      shown?.close()
    }
  }, [])
  // a press on what lies behind the dialog closes it, if nothing was written in it
  const closeBehind = (event: Event) => {
    const isEmpty = !dialog.current?.querySelector('input, textarea')
    if (event.target === dialog.current && isEmpty) dialog.current?.close()
  }
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={() => isGone.current || onClose()} onPointerDown={closeBehind}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" icon="close" label={texts.value.words.close} onPress={() => dialog.current?.close()} />
      </header>
      {children}
    </dialog>
  )
}

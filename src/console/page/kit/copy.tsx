import { texts } from '../i18n/index.ts'
import { Button } from './button.tsx'
import { tell } from './toast.tsx'

/** A text in a box, with a button that copies it. */
export function CopyBox({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div class="copy-box">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled with the keyboard */}
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} />
    </div>
  )
}

export function CopyButton({ text }: { readonly text: string }) {
  const { words } = texts.value
  return (
    <Button icon="copy" kind="quiet" onPress={() => copy(text)}>
      {words.copy}
    </Button>
  )
}

/** Copies a text. A page without TLS may not use the clipboard, so there it goes by a selection. */
async function copy(text: string): Promise<void> {
  const { words } = texts.value
  const isCopied = await navigator.clipboard?.writeText(text).then(
    () => true,
    () => false,
  )
  tell(isCopied || copyBySelection(text) ? words.copied : words.notCopied)
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea')
  area.value = text
  const parent = document.querySelector('dialog[open]') ?? document.body
  parent.append(area)
  area.select()
  const isCopied = document.execCommand('copy')
  area.remove()
  return isCopied
}

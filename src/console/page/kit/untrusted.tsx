import { useSignal } from '@preact/signals'
import { texts } from '../i18n/index.ts'
import { withoutTurns } from '../i18n/marks.ts'
import { Button } from './button.tsx'

interface UntrustedProps {
  readonly text: string
  /** A longer text is cut, and a button shows all of it. */
  readonly max?: number
}

/** A text that somebody else wrote, such as an upstream. It is shown as text and nothing else. */
export function Untrusted({ text: written, max = 240 }: UntrustedProps) {
  const text = withoutTurns(written)
  const { words } = texts.value
  const isOpen = useSignal(false)
  if (text.length <= max) return <bdi class="untrusted">{text}</bdi>
  return (
    <>
      <bdi class="untrusted">{isOpen.value ? text : `${[...text.slice(0, max)].slice(0, -1).join('')}…`}</bdi>{' '}
      <Button kind="quiet" isOpen={isOpen.value} onPress={() => void (isOpen.value = !isOpen.value)}>
        {isOpen.value ? words.less : words.more}
      </Button>
    </>
  )
}

import { signal } from '@preact/signals'
import { texts } from '../i18n/index.ts'
import { withoutTurns } from '../i18n/marks.ts'
import { Button } from './button.tsx'
import { Words } from './words.tsx'

interface Toast {
  readonly id: number
  readonly text: string
  readonly isBad: boolean
}

const shown = signal<readonly Toast[]>([])
const lastsMs = 8_000
let lastId = 0

/** Shows a short message. Screen readers read it. A bad one stays until it is closed. */
export function tell(text: string, { isBad = false } = {}): void {
  const toast = { id: ++lastId, text, isBad }
  shown.value = [...shown.value.filter((other) => other.text !== text).slice(-2), toast]
  if (!isBad) setTimeout(() => remove(toast.id), lastsMs)
}

/** Takes the bad ones away: they were about what the reader has left. */
export function forgetBad(): void {
  shown.value = shown.value.filter(({ isBad }) => !isBad)
}

function remove(toast: number): void {
  shown.value = shown.value.filter(({ id }) => id !== toast)
}

/** Runs something that the reader asked for, and says why if it fails. @returns whether it worked */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work()
  } catch (thrown) {
    tell(thrown instanceof Error ? thrown.message : String(thrown), { isBad: true })
    return false
  }
  if (done !== undefined) tell(done)
  return true
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.value.map(({ id, text, isBad }) => (
        <div key={id} class={isBad ? 'toast bad' : 'toast'}>
          <p>
            {/* what went wrong is told in words of others, and the rest in words of the dictionary with its marks */}
            {isBad ? <bdi>{withoutTurns(text)}</bdi> : <Words text={text} />}
          </p>
          {isBad && <Button kind="quiet" icon="close" label={texts.value.words.close} onPress={() => remove(id)} />}
        </div>
      ))}
    </div>
  )
}

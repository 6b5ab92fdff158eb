import { signal } from '@preact/signals'

interface Toast {
  readonly id: number
  readonly text: string
  readonly isBad: boolean
}

const shown = signal<readonly Toast[]>([])
const lastsMs = 8_000
let lastId = 0

/** Shows a short message. Screen readers read it. */
export function tell(text: string, { isBad = false } = {}): void {
  const toast = { id: ++lastId, text, isBad }
  shown.value = [...shown.value.slice(-2), toast]
  setTimeout(() => {
    shown.value = shown.value.filter(({ id }) => id !== toast.id)
  }, lastsMs)
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
        <p key={id} class={isBad ? 'toast bad' : 'toast'}>
          <bdi>{text}</bdi>
        </p>
      ))}
    </div>
  )
}

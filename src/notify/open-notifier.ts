import type { Notifier, NotifierOptions } from './notifier.ts'
import type { NotifySettings } from './target.ts'

/** Tells an operator what needs somebody, as long as there is a place to tell it. */
export interface OpenNotifier {
  reconfigure(settings: NotifySettings): void
  close(): void
}

/** Without a place for notifications nothing is loaded, and nothing runs. */
export function openNotifier(settings: NotifySettings, options: NotifierOptions): OpenNotifier {
  let notifier: Notifier | undefined
  let current = settings
  let isClosed = false
  const load = async () => {
    const { Notifier: Loaded } = await import('./notifier.ts')
    if (isClosed) return
    notifier ??= new Loaded(current, options)
    notifier.reconfigure(current)
  }
  const start = () => {
    if (notifier) notifier.reconfigure(current)
    else if (current.targets.length > 0) void load()
  }
  start()
  return {
    reconfigure(changed) {
      current = changed
      start()
    },
    close() {
      isClosed = true
      notifier?.close()
    },
  }
}

import type { Notifier, NotifierOptions } from './notifier.ts'
import type { NotifySettings } from './target.ts'

/** Tells an operator what needs somebody, as long as there is a place to tell it. */
export interface OpenNotifier {
  reconfigure(settings: NotifySettings): void
  close(): void
}

interface OpenNotifierOptions extends Omit<NotifierOptions, 'host'> {
  /** The name of this machine, for people. */
  hostName(): Promise<string>
}

/** Without a place for notifications nothing is loaded, and nothing runs. */
export function openNotifier(settings: NotifySettings, { hostName, ...options }: OpenNotifierOptions): OpenNotifier {
  let notifier: Notifier | undefined
  let current = settings
  let isClosed = false
  const load = async () => {
    const [{ Notifier: Loaded }, host] = await Promise.all([import('./notifier.ts'), hostName()])
    if (isClosed) return
    notifier ??= new Loaded(current, { ...options, host })
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

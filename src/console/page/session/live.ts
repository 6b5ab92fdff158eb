import { signal } from '@preact/signals'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { ask } from './api.ts'

/** What `GET /admin/events` sends: the name of an event, and its JSON. */
type Listener = (data: unknown) => void

const listeners = new Map<string, Set<Listener>>()

/** Whether the stream is open. It is closed while the tab is hidden. */
export const isLive = signal(false)

let running: AbortController | undefined
let waitMs = 1_000

/** Calls the listener with each event of this name. @returns a function that ends this */
export function listen(name: string, listener: Listener): () => void {
  const known = listeners.get(name) ?? new Set()
  listeners.set(name, known.add(listener))
  return () => void known.delete(listener)
}

/** Keeps one stream open while the tab is shown. @returns a function that ends this */
export function followEvents(): () => void {
  const onVisibility = () => (document.hidden ? stop() : start())
  document.addEventListener('visibilitychange', onVisibility)
  if (!document.hidden) start()
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    stop()
  }
}

function start(): void {
  if (running) return
  running = new AbortController()
  void follow(running)
}

function stop(): void {
  running?.abort()
  running = undefined
  isLive.value = false
}

async function follow(own: AbortController): Promise<void> {
  while (!own.signal.aborted) {
    await read(own.signal).catch(() => undefined)
    if (own.signal.aborted) return
    isLive.value = false
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    waitMs = Math.min(2 * waitMs, 30_000)
  }
}

async function read(signal: AbortSignal): Promise<void> {
  const { body } = await ask('/admin/events', { signal })
  if (!body) return
  isLive.value = true
  waitMs = 1_000
  for await (const { event = '', data } of body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())) {
    const value: unknown = JSON.parse(data)
    for (const listener of listeners.get(event) ?? []) listener(value)
  }
}

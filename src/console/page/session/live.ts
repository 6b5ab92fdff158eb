import { signal } from '@preact/signals'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { ask } from './api.ts'

/** Takes the JSON of an event, as text. */
type Listener = (text: string) => void

const listeners = new Map<string, Set<Listener>>()

/** Whether the stream is open. It is closed while the tab is hidden. */
export const isLive = signal(false)

let running: AbortController | undefined
let waitMs = 1_000

/**
 * Calls the listener with each event of this name that `GET /admin/events` sends. The caller says what it is, as with `askJson`.
 * @returns a function that ends this
 */
export function listen<Body = unknown>(name: string, listener: (body: Body) => void): () => void {
  const known = listeners.get(name) ?? new Set()
  const take: Listener = (text) => {
    const body: Body = JSON.parse(text)
    listener(body)
  }
  listeners.set(name, known.add(take))
  return () => void known.delete(take)
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
    for (const take of listeners.get(event) ?? []) take(data)
  }
}

import { signal } from '@preact/signals'

const everyMs = 15_000

/** The time in milliseconds, which moves on every 15 seconds: a component that reads it stays true while nothing else changes. */
export const now = signal(Date.now())

setInterval(() => {
  if (!document.hidden) now.value = Date.now()
}, everyMs)

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) now.value = Date.now()
})

import { signal } from '@preact/signals'

/** The ids of the requests that the reader wants to compare, at most two. */
export const chosen = signal<readonly string[]>([])

/** Chooses a request, or no longer. A third one takes the place of the first. */
export function toggleChosen(id: string): void {
  chosen.value = chosen.value.includes(id) ? chosen.value.filter((one) => one !== id) : [...chosen.value, id].slice(-2)
}

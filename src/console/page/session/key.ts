import { computed, signal } from '@preact/signals'

const place = 'tributary-key'

const sent = signal<string | undefined>(sessionStorage.getItem(place) ?? undefined)

/** The key of this tab; undefined if none was given, or none is needed. It is in no URL and in no other tab. */
export const key = computed(() => sent.value)

/** Keeps the key for as long as the tab is open. */
export function keepKey(text: string): void {
  sessionStorage.setItem(place, text)
  sent.value = text
}

export function forgetKey(): void {
  sessionStorage.removeItem(place)
  sent.value = undefined
}

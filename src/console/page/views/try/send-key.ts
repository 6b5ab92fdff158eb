import { signal } from '@preact/signals'

const place = 'tributary-enter'

/** Whether Enter sends the question. Otherwise it makes a line, and Ctrl+Enter sends. */
export const enterSends = signal(localStorage.getItem(place) !== 'line')

export function setEnterSends(isOn: boolean): void {
  localStorage.setItem(place, isOn ? 'send' : 'line')
  enterSends.value = isOn
}

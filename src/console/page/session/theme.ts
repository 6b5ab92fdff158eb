import { effect, signal } from '@preact/signals'

const kept = 'tributary-theme'

export type Theme = 'system' | 'light' | 'dark'

export const theme = signal<Theme>(firstTheme())

effect(() => {
  if (theme.value === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme.value
})

export function chooseTheme(chosen: Theme): void {
  localStorage.setItem(kept, chosen)
  theme.value = chosen
}

function firstTheme(): Theme {
  const chosen = localStorage.getItem(kept)
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system'
}

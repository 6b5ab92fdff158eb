import { computed, effect, signal } from '@preact/signals'
import { en, type Texts } from './en.ts'
import { zh } from './zh.ts'

export type Language = 'en' | 'zh'

const dictionaries: Readonly<Record<Language, Texts>> = { en, zh }
const kept = 'tributary-language'

/** The language of the page: the one that was chosen here, or that of the browser. */
export const language = signal<Language>(firstLanguage())

/** The texts in the language of the page. A component that reads them is drawn again when it changes. */
export const texts = computed(() => dictionaries[language.value])

effect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-Hans' : 'en'
})

export function chooseLanguage(chosen: Language): void {
  localStorage.setItem(kept, chosen)
  language.value = chosen
}

function firstLanguage(): Language {
  const chosen = localStorage.getItem(kept)
  if (chosen === 'en' || chosen === 'zh') return chosen
  return /^zh\b/i.test(navigator.language) ? 'zh' : 'en'
}

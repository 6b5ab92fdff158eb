import { useEffect } from 'preact/hooks'
import { shortened } from '../../i18n/marks.ts'

/** Gives the focus to the title of a page within a view, as the shell does for a view, and names the document after it. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${shortened(title)} · tributary`
    document.querySelector<HTMLElement>('.view h1')?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [title])
}

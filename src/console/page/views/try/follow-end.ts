import type { Signal } from '@preact/signals'
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

/** Pixels from the end within which the reader counts as being there. */
const slack = 48

/** Keeps a scrolled area at its end while it grows, unless the reader has scrolled up. */
export function useFollowEnd() {
  const area = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const isAtEnd: Signal<boolean> = useSignal(true)
  const toEnd = () => {
    const element = area.current
    if (element) element.scrollTop = element.scrollHeight
    isAtEnd.value = true
  }
  useEffect(() => {
    if (!content.current || !area.current) return
    const observer = new ResizeObserver(() => {
      if (isAtEnd.peek()) toEnd()
    })
    observer.observe(content.current)
    observer.observe(area.current)
    return () => observer.disconnect()
  }, [])
  const onScroll = () => {
    const element = area.current
    if (element) isAtEnd.value = element.scrollHeight - element.scrollTop - element.clientHeight < slack
  }
  return { area, content, isAtEnd, toEnd, onScroll }
}

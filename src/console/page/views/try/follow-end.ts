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
  const lastTop = useRef(0)
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
    if (!element) return
    const { scrollTop, scrollHeight, clientHeight } = element
    // the answer may have grown since the last frame, so only a way up is the reader's own
    if (scrollHeight - scrollTop - clientHeight < slack) isAtEnd.value = true
    else if (scrollTop < lastTop.current) isAtEnd.value = false
    lastTop.current = scrollTop
  }
  return { area, content, isAtEnd, toEnd, onScroll }
}

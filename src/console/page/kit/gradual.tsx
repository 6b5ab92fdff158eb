import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'

interface GradualProps<Item> {
  readonly items: readonly Item[]
  readonly children: (item: Item) => ComponentChildren
}

/** About what fits on a large screen. */
const atOnce = 12

/** A long list: its beginning is drawn at once, and the rest a few at a time, so that no moment is long. */
export function Gradual<Item>({ items, children }: GradualProps<Item>) {
  const drawn = useSignal(atOnce)
  const isWhole = drawn.value >= items.length
  useEffect(() => {
    if (isWhole) {
      // if the list grows again, it grows a few at a time too
      drawn.value = Math.max(atOnce, items.length)
      return
    }
    const timer = setTimeout(() => void (drawn.value += atOnce))
    return () => clearTimeout(timer)
  }, [isWhole, drawn.value, items.length])
  return <>{items.slice(0, drawn.value).map(children)}</>
}

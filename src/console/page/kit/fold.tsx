import type { ComponentChildren } from 'preact'

interface FoldProps {
  readonly title: ComponentChildren
  readonly isOpen?: boolean
  readonly children: ComponentChildren
}

/** Content that is shown when its title is pressed. */
export function Fold({ title, isOpen = false, children }: FoldProps) {
  return (
    <details class="fold" open={isOpen}>
      <summary>{title}</summary>
      <div class="folded">{children}</div>
    </details>
  )
}

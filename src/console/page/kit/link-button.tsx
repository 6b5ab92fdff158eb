import type { ComponentChildren } from 'preact'
import { Icon, type IconName } from './icon.tsx'

interface LinkButtonProps {
  readonly href: string
  readonly kind?: 'main' | 'plain' | 'quiet'
  readonly icon?: IconName
  readonly children: ComponentChildren
}

/** A link to another view that looks like a button. */
export function LinkButton({ href, kind = 'plain', icon, children }: LinkButtonProps) {
  return (
    <a class={`button ${kind}`} href={href}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  )
}

import type { ComponentChildren } from 'preact'

export type Tone = 'good' | 'warning' | 'bad' | 'quiet' | 'info'

/** A word about a state. Its text says what its colour says. */
export function Badge({ tone = 'quiet', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>
}

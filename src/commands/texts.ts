import environment from '../../.env.example' with { type: 'text' }
import upstreams from '../../docs/upstreams.md' with { type: 'text' }

// What the executable can show by itself: whoever has it alone has no documents.

/** Every setting, as a commented `.env`. */
export const settings: string = environment

/** The text of `help TOPIC`, where there is one; of upstreams all of it, or what it says of one. */
export function topic([name = '', section]: readonly string[]): string | undefined {
  if (name === 'settings') return settings
  if (name !== 'upstreams') return undefined
  if (section === undefined) return upstreams
  const found = upstreams
    .split(/^(?=## )/m)
    .find((part) => part.toLowerCase().startsWith(`## ${section.toLowerCase()}`))
  return found ?? upstreams
}

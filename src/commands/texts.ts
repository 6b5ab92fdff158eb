import environment from '../../.env.example' with { type: 'text' }
import upstreams from '../../docs/upstreams.md' with { type: 'text' }

// What the executable can show by itself: whoever has it alone has no documents.

/** Every setting, as a commented `.env`. */
export const settings: string = environment

/** The text of `help TOPIC`, where there is one; of upstreams all of it, or what it says of one. */
export function topic([name = '', upstream = '']: readonly string[]): string | undefined {
  if (name === 'settings') return settings
  return name === 'upstreams' ? (sectionOn(upstream) ?? upstreams) : sectionOn(name)
}

function sectionOn(upstream: string): string | undefined {
  const name = upstream.toLowerCase()
  const sections = upstreams.split(/^(?=## )/m)
  return (
    sections.find((section) => /^## (\S+)/.exec(section)?.[1]?.toLowerCase() === name) ??
    sections.find((section) => section.startsWith('## OpenAI') && section.includes(`\`${name}\``))
  )
}

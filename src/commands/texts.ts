import environment from '../../.env.example' with { type: 'text' }
import upstreams from '../../docs/upstreams.md' with { type: 'text' }

// Texts that the executable shows, for operators who do not have the documents.

/** Every setting, as a commented `.env`. */
export const settings: string = environment

/**
 * The text of `help TOPIC`; undefined if there is none. For `upstreams` it is the whole document, or the section on
 * one upstream.
 */
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

import environment from '../../.env.example' with { type: 'text' }
import service from '../../deploy/tributary.service' with { type: 'text' }
import upstreams from '../../docs/upstreams.md' with { type: 'text' }

// Texts that the executable shows, for operators who do not have the documents.

/** Every setting, as a commented `.env`. */
export const settings: string = environment

/** A unit for systemd. */
export const unit: string = service

/**
 * Returns the text of `help TOPIC`, or undefined for an unknown topic. For `upstreams` it is the whole document, or the
 * section on one upstream.
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

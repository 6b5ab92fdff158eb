import { texts } from '../../i18n/index.ts'
import { Badge } from '../../kit/badge.tsx'
import { Fold } from '../../kit/fold.tsx'
import type { Terms } from './types.ts'

const tones = { allowed: 'good', forbidden: 'bad', limited: 'warning', unknown: 'quiet' } as const
const clauses = ['automation', 'sharing', 'several_accounts', 'training'] as const

/** What the terms of a service say, as far as its folder knows. */
export function TermsFold({ terms }: { readonly terms: Terms }) {
  const { terms: words } = texts.value.upstreams
  return (
    <Fold title={words.title}>
      <dl class="facts terms">
        {clauses.map((name) => {
          const { stand, note, source } = terms[name]
          return (
            <div key={name}>
              <dt>{words.clauses[name]}</dt>
              <dd>
                <Badge tone={tones[stand] ?? 'quiet'}>{words.stands[stand] ?? stand}</Badge>{' '}
                {note !== null && <bdi>{note}</bdi>}
                {source !== null && (
                  <span class="hint">
                    {words.source}: <bdi>{source}</bdi>
                  </span>
                )}
              </dd>
            </div>
          )
        })}
      </dl>
      <p class="hint">{words.readOn(terms.read_on)}</p>
    </Fold>
  )
}

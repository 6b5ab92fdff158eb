import type { Card } from './card.ts'

/** What a check says if it has only waited for an answer. */
const patience = /no end of the answer after 15 s|no answer after 3 s/

/** A card of a machine that had other work: without latency, and without failures by patience alone, unless the upstream was cut. */
export function withoutBusy(card: Card): Card {
  const results = card.results.filter(({ check, outcome, note = '' }) => {
    if (check.startsWith('latency/')) return false
    return outcome !== 'fail' || check.startsWith('cut/') || !patience.test(note)
  })
  return { ...card, results }
}

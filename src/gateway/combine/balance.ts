import type { CandidateTimes } from './response-times.ts'

/** A member of a balance, as it is chosen. */
export interface Weighed {
  /** Its share, compared with the others. */
  readonly weight: number
  readonly times: CandidateTimes
}

/** Two members whose costs differ by less are equally quick: the times of models vary by so much from answer to answer. */
const noise = 1.5

/**
 * Orders members by the power of two choices: of two drawn by weight, the one that costs less comes first, where the cost is the time
 * to the first event × (1 + answers being read / weight). The next is chosen among the others in the same way.
 * @param random from 0 up to, but not including, 1
 * @see docs/decisions/0069-balance.md
 */
export function inBalance<Member extends Weighed>(members: readonly Member[], random: () => number): readonly Member[] {
  if (members.length < 2) return members
  const unknownMs = medianMs(members)
  const left = [...members]
  const ordered: Member[] = []
  for (let drawn = draw(left, random); drawn; drawn = draw(left, random)) {
    const rival = draw(left, random)
    const isRivalQuicker = rival !== undefined && costOf(rival, unknownMs) * noise < costOf(drawn, unknownMs)
    const [chosen, other] = isRivalQuicker ? [rival, drawn] : [drawn, rival]
    ordered.push(chosen)
    if (!other) continue
    if (ordered.length === 1) other.times.notePass()
    left.push(other)
  }
  return ordered
}

function costOf({ weight, times }: Weighed, unknownMs: number): number {
  return (times.expectedMs ?? unknownMs) * (1 + times.running / weight)
}

/** What is expected of a member that was never asked: as much as of the others. */
function medianMs(members: readonly Weighed[]): number {
  const known = members.flatMap(({ times }) => times.expectedMs ?? []).sort((a, b) => a - b)
  return known[known.length >> 1] ?? 1
}

/** Takes one out by chance, each as often as its weight says. */
function draw<Member extends Weighed>(left: Member[], random: () => number): Member | undefined {
  let at = random() * left.reduce((sum, { weight }) => sum + weight, 0)
  const index = left.findIndex(({ weight }) => {
    at -= weight
    return at < 0
  })
  return left.splice(index, 1)[0]
}

import { editsBetween } from '../chat/edit-distance.ts'

/**
 * The most edits between a name and the known name that was meant. Short names may differ less, because they are
 * easily similar by chance.
 */
function maxEdits(name: string): number {
  return name.length <= 5 ? 1 : name.length <= 12 ? 2 : 3
}

/** A name that is prepared to be compared with many others. */
export interface ComparedName {
  readonly name: string
  readonly upper: string
  /** Equal if both mean the same credential: another program uses `OPENAI_TOKEN` for `OPENAI_API_KEY`, for example. */
  readonly skeleton: string
  /** A bit for each character that it has. */
  readonly characters: number
}

export function prepareName(name: string): ComparedName {
  const upper = name.toUpperCase()
  return { name, upper, skeleton: skeletonOf(upper), characters: charactersOf(upper) }
}

/** How many pairs of names may still be compared letter by letter. */
export interface Effort {
  left: number
}

/** The known name that was probably meant; undefined if none is similar, or if the effort is used up. */
export function nearestName(asked: ComparedName, known: readonly ComparedName[], effort: Effort): string | undefined {
  let nearest: string | undefined
  let most = maxEdits(asked.name)
  for (const other of known) {
    const isSame = asked.skeleton === other.skeleton
    const edits = isSame ? 0 : likelyEdits(asked, other, { max: most, effort })
    if (edits > most) continue
    nearest = other.name
    // only a nearer name wins over this one
    most = edits - 1
    if (most < 0) break
  }
  return nearest
}

function skeletonOf(upper: string): string {
  return upper
    .replace(/_?API_?(KEY|TOKEN|BASE|URL)/, '_$1')
    .replace(/_(TOKEN|SECRET_KEY|ACCESS_KEY)\b/, '_KEY')
    .replace(/_(BASE_URL|BASE_URI|BASE|URI|ENDPOINT)$/, '_URL')
}

function charactersOf(text: string): number {
  let bits = 0
  for (let at = 0; at < text.length; at++) bits |= 1 << (text.charCodeAt(at) & 31)
  return bits
}

/** Counts the edits between two names, or returns infinity if there are more than `max`, or if the effort is used up. */
export function likelyEdits(
  a: ComparedName,
  b: ComparedName,
  { max, effort }: { readonly max: number; readonly effort: Effort },
): number {
  if (!mayBeWithin(a, b, max) || effort.left <= 0) return Number.POSITIVE_INFINITY
  effort.left--
  return editsBetween(a.upper, b.upper, max)
}

/**
 * False if there are certainly more than `max` edits between two names. It is much cheaper than to count them: an edit
 * changes the length by one at most, and adds and removes one character at most.
 */
export function mayBeWithin(a: ComparedName, b: ComparedName, max: number): boolean {
  if (Math.abs(a.upper.length - b.upper.length) > max) return false
  let differing = a.characters ^ b.characters
  let count = 0
  for (; differing !== 0; count++) differing &= differing - 1
  return count <= 2 * max
}

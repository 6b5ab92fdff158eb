import { editsBetween } from '../chat/edit-distance.ts'

/** Longer names are compared by their beginning. */
const maxLength = 100
/** The names whose edits are counted: those that have most pairs of letters in common. */
const compared = 16
/** One place for each pair of letters. Two pairs may share one. */
const places = 1_024
const slash = 47

/** A known name, and how alike it is. */
interface AlikeName {
  readonly name: string
  readonly share: number
}

/**
 * Returns the known names that were probably meant, the likeliest first. The upstream and the maker before a name count
 * little, and a name that begins alike counts more.
 */
export function nearestNames(asked: string, known: readonly string[], most: number): readonly string[] {
  const wanted = plain(asked)
  return mostAlike(known, pairsOf(wanted), Math.max(compared, most))
    .map(({ name, share }) => ({ name, distance: distanceBetween(wanted, plain(name)) - share / 2 }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ name }) => name)
}

/** Returns the names with the most pairs in common, in one pass without a sort. */
function mostAlike(known: readonly string[], hasPair: Uint8Array, most: number): readonly AlikeName[] {
  const best: AlikeName[] = []
  for (const name of known) {
    const share = shareOf(plain(name), hasPair)
    const last = best[most - 1]
    if (last && last.share >= share) continue
    const at = best.findIndex((other) => other.share < share)
    best.splice(at < 0 ? best.length : at, 0, { name, share })
    if (best.length > most) best.pop()
  }
  return best
}

function plain(name: string): string {
  return (name.length > maxLength ? name.slice(0, maxLength) : name).toLowerCase()
}

function pairsOf(text: string): Uint8Array {
  const hasPair = new Uint8Array(places)
  for (let at = 0; at + 1 < text.length; at++) hasPair[pairOf(text.charCodeAt(at), text.charCodeAt(at + 1))] = 1
  return hasPair
}

function pairOf(first: number, second: number): number {
  return (first * 31 + second) % places
}

/** The share of a name's pairs that the asked one has too, from 0 to 1: of the whole name, or of what follows its last slash. */
function shareOf(name: string, hasPair: Uint8Array): number {
  let [before, whole, bareShared, bareFrom] = [name.charCodeAt(0), 0, 0, 0]
  for (let at = 1; at < name.length; at++) {
    const code = name.charCodeAt(at)
    const shared = hasPair[pairOf(before, code)] ?? 0
    before = code
    whole += shared
    bareShared += shared
    if (code === slash) [bareShared, bareFrom] = [0, at + 1]
  }
  return Math.max(whole / Math.max(1, name.length - 1), bareShared / Math.max(1, name.length - bareFrom - 1))
}

/** Up to 1. Below 0 if the names are the same without upstream and maker. */
function distanceBetween(asked: string, name: string): number {
  const [bareAsked, bareName] = [bare(asked), bare(name)]
  if (bareName === bareAsked) return relativeEdits(asked, name) - 1
  const edits = Math.min(relativeEdits(asked, name), relativeEdits(bareAsked, bareName))
  const isBeginning = bareName.startsWith(bareAsked) || bareAsked.startsWith(bareName)
  return isBeginning ? edits / 2 : edits
}

function relativeEdits(a: string, b: string): number {
  return editsBetween(a, b) / Math.max(a.length, b.length, 1)
}

function bare(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

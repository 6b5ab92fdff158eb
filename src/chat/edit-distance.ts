/**
 * Counts the edits between two names: a letter inserted, deleted or replaced, or two neighbours swapped (optimal
 * string alignment).
 * @returns infinity if there are more than `max` edits
 */
export function editsBetween(a: string, b: string, max = Number.POSITIVE_INFINITY): number {
  const shared = sharedLength(a, b)
  return countEdits(a.slice(shared), b.slice(shared), max)
}

function sharedLength(a: string, b: string): number {
  let shared = 0
  while (shared < a.length && a[shared] === b[shared]) shared++
  return shared
}

function countEdits(a: string, b: string, max: number): number {
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let at = 1; at <= a.length; at++) {
    const next = [at]
    let least = at
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[at - 1] === b[column - 1]
      const isSwapped = a[at - 1] === b[column - 2] && a[at - 2] === b[column - 1]
      const edits = Math.min(
        (row[column - 1] ?? 0) + (isSame ? 0 : 1),
        (row[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        isSwapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
      next.push(edits)
      least = Math.min(least, edits)
    }
    // no later row can have less
    if (least > max) return Number.POSITIVE_INFINITY
    before = row
    row = next
  }
  const edits = row.at(-1) ?? 0
  return edits > max ? Number.POSITIVE_INFINITY : edits
}

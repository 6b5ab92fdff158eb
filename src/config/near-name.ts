/**
 * The most edits between a name and the known name that was meant. Short names may differ less, because they are
 * easily similar by chance.
 */
function maxEdits(name: string): number {
  return name.length <= 5 ? 1 : name.length <= 12 ? 2 : 3
}

/** The known name that was probably meant; undefined if none is similar. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let nearest: { readonly name: string; readonly edits: number } | undefined
  for (const other of known) {
    const edits = isSameCredential(name, other) ? 0 : editsBetween(name.toUpperCase(), other.toUpperCase())
    if (edits <= maxEdits(name) && edits < (nearest?.edits ?? Number.POSITIVE_INFINITY))
      nearest = { name: other, edits }
  }
  return nearest?.name
}

/**
 * Whether two names mean the same credential. For example, another program uses `OPENAI_TOKEN` for `OPENAI_API_KEY`.
 */
export function isSameCredential(a: string, b: string): boolean {
  return skeletonOf(a) === skeletonOf(b)
}

function skeletonOf(name: string): string {
  return name
    .toUpperCase()
    .replace(/_?API_?(KEY|TOKEN|BASE|URL)/, '_$1')
    .replace(/_(TOKEN|SECRET_KEY|ACCESS_KEY)\b/, '_KEY')
    .replace(/_(BASE_URL|BASE_URI|BASE|URI|ENDPOINT)$/, '_URL')
}

/**
 * Counts the edits between two names: a letter inserted, deleted or replaced, or two neighbours swapped (optimal
 * string alignment).
 */
export function editsBetween(a: string, b: string): number {
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let at = 1; at <= a.length; at++) {
    const next = [at]
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[at - 1] === b[column - 1]
      const isSwapped = a[at - 1] === b[column - 2] && a[at - 2] === b[column - 1]
      next.push(
        Math.min(
          (row[column - 1] ?? 0) + (isSame ? 0 : 1),
          (row[column] ?? 0) + 1,
          (next[column - 1] ?? 0) + 1,
          isSwapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
    before = row
    row = next
  }
  return row.at(-1) ?? 0
}

/** A line of two texts: in both, only in the first, or only in the second. */
export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added'
  readonly text: string
}

/** Lines that are the same in both texts and are not shown. */
export interface FoldedLines {
  readonly kind: 'folded'
  readonly count: number
}

/** A table of more cells would take too long. The texts are then said to differ as a whole. */
const maxCells = 2_000_000

/** Compares two texts line by line, by their longest common subsequence. Its work is bounded. */
export function diffLines(first: string, second: string): readonly DiffLine[] {
  const [a, b] = [first.split('\n'), second.split('\n')]
  const head = countSame(a, b, (at) => at)
  const tail = countSame(a.slice(head), b.slice(head), (at, { length }) => length - 1 - at)
  const middle = diffMiddle(a.slice(head, a.length - tail), b.slice(head, b.length - tail))
  return [...linesOf('same', a.slice(0, head)), ...middle, ...linesOf('same', a.slice(a.length - tail))]
}

function countSame(
  a: readonly string[],
  b: readonly string[],
  place: (at: number, lines: readonly string[]) => number,
): number {
  const most = Math.min(a.length, b.length)
  let count = 0
  while (count < most && a[place(count, a)] === b[place(count, b)]) count += 1
  return count
}

function linesOf(kind: DiffLine['kind'], texts: readonly string[]): readonly DiffLine[] {
  return texts.map((text) => ({ kind, text }))
}

function diffMiddle(a: readonly string[], b: readonly string[]): readonly DiffLine[] {
  if (a.length === 0 || b.length === 0 || a.length * b.length > maxCells)
    return [...linesOf('removed', a), ...linesOf('added', b)]
  return walk(a, b, sharedLengths(a, b))
}

/** For each pair of places, the length of the longest common subsequence of what follows. */
function sharedLengths(a: readonly string[], b: readonly string[]): Uint32Array {
  const width = b.length + 1
  const lengths = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const at = i * width + j
      lengths[at] =
        a[i] === b[j] ? (lengths[at + width + 1] ?? 0) + 1 : Math.max(lengths[at + width] ?? 0, lengths[at + 1] ?? 0)
    }
  return lengths
}

function walk(a: readonly string[], b: readonly string[], lengths: Uint32Array): readonly DiffLine[] {
  const width = b.length + 1
  const found: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]]
    const at = i * width + j
    if (left !== undefined && left === right) {
      found.push({ kind: 'same', text: left })
      i += 1
      j += 1
    } else if (left !== undefined && (right === undefined || (lengths[at + width] ?? 0) >= (lengths[at + 1] ?? 0))) {
      found.push({ kind: 'removed', text: left })
      i += 1
    } else if (right !== undefined) {
      found.push({ kind: 'added', text: right })
      j += 1
    }
  }
  return found
}

/** Folds long runs of lines that are the same. @param around how many of them stay beside a difference */
export function foldSame(lines: readonly DiffLine[], around = 3): readonly (DiffLine | FoldedLines)[] {
  return runsOf(lines).flatMap(([start, end]) => {
    const run = lines.slice(start, end)
    const [before, after] = [start === 0 ? 0 : around, end === lines.length ? 0 : around]
    const count = run[0]?.kind === 'same' ? run.length - before - after : 0
    if (count < 2) return run
    return [...run.slice(0, before), { kind: 'folded' as const, count }, ...run.slice(before + count)]
  })
}

/** The ranges of lines that are all the same in both texts, or all different. */
function runsOf(lines: readonly DiffLine[]): readonly (readonly [start: number, end: number])[] {
  const isSame = (at: number) => lines[at]?.kind === 'same'
  const starts = [...lines.keys()].filter((at) => at === 0 || isSame(at) !== isSame(at - 1))
  return starts.map((start, place) => [start, starts[place + 1] ?? lines.length])
}

/** The beginning of a line that opens or closes a block of code. CommonMark, Fenced code blocks */
const fenceLine = /^ {0,3}(`{3,}|~{3,})(.*)$/

/** Whether a text ends inside a block of code. */
export function isInFence(text: string): boolean {
  let open: string | undefined
  for (const line of text.split('\n')) {
    const [, marks = '', info = ''] = fenceLine.exec(line) ?? []
    if (marks === '') continue
    if (open === undefined) open = info.includes('`') ? undefined : marks
    else if (marks.startsWith(open) && info.trim() === '') open = undefined
  }
  return open !== undefined
}

/** Whether a text, with normal white space, ends with the line that opens a block of code. */
export function opensFence(normal: string): boolean {
  return /(^| )(`{3,}|~{3,})[\w+#.-]* ?$/.test(normal)
}

/** A fence that closes what the model has quoted. */
const closing = /^[ \t]*\n? {0,3}(?:`{3,}|~{3,})[ \t]*(?=\n|$)/
/** A block that is opened, or closed and opened, although it is open. */
const again = /^\s*?(\n? {0,3}(?:`{3,}|~{3,})[ \t]*\n+)? {0,3}(?:`{3,}|~{3,})[\w+#.-]+[ \t]*\n/

interface FenceState {
  /** Whether the broken answer ended inside a block. */
  readonly isInside: boolean
  /** Whether the model has put what it repeats into a block of its own. */
  readonly isFenced: boolean
}

/** Characters in which a fence after the seam is looked for. */
const maxFence = 120

/** Whether a fence may follow that is not complete yet. */
export function mayBecomeFence(rest: string, { isInside, isFenced }: FenceState): boolean {
  if (!isInside && !isFenced) return false
  const said = rest.trimStart()
  if (said.length > maxFence || !/^(`{1,2}$|~{1,2}$|`{3}|~{3})/.test(said)) return false
  return said.split('\n').length <= (isInside ? 2 : 1)
}

/** Removes a fence that the new answer has too many. `rest` is what follows the seam. */
export function repairFence(rest: string, { isInside, isFenced }: FenceState): string {
  if (isFenced && !isInside) return rest.replace(closing, '')
  if (!isInside) return rest
  const repeated = again.exec(rest)?.[0]
  if (repeated === undefined) return rest
  return (repeated.startsWith('\n') ? '\n' : '') + rest.slice(repeated.length)
}

/** The beginning of a line that opens or closes a block of code. CommonMark, Fenced code blocks */
const fenceLine = /^ {0,3}(`{3,}|~{3,})(.*)$/

/** The marks that opened the block of code in which a text ends; undefined if it ends in none. */
export function openFence(text: string): string | undefined {
  let open: string | undefined
  for (const line of text.split('\n')) {
    const [, marks = '', info = ''] = fenceLine.exec(line) ?? []
    if (marks === '') continue
    if (open === undefined) open = info.includes('`') ? undefined : marks
    else if (marks.startsWith(open) && info.trim() === '') open = undefined
  }
  return open
}

/** Whether a text, with normal white space, ends with the line that opens a block of code. */
export function opensFence(normal: string): boolean {
  return /(^| )(`{3,}|~{3,})[\w+#.-]* ?$/.test(normal)
}

/** A fence that closes what the model has quoted. */
const closing = /^[ \t]*\n? {0,3}(?:`{3,}|~{3,})[ \t]*(?=\n|$)/
/** A block that is opened, or closed and opened, although it is open. */
const again = /^\s*?(?:\n? {0,3}(?:`{3,}|~{3,})[ \t]*\n+)? {0,3}(`{3,}|~{3,})[\w+#.-]+[ \t]*\n/

interface FenceState {
  /** The marks of the block in which the broken answer ended. */
  readonly open: string | undefined
  /** Whether the model has put what it repeats into a block of its own. */
  readonly isFenced: boolean
}

/** Characters in which a fence after the seam is looked for. */
const maxFence = 120

/** Whether a fence may follow that is not complete yet. */
export function mayBecomeFence(rest: string, { open, isFenced }: FenceState): boolean {
  const isInside = open !== undefined
  if (!isInside && !isFenced) return false
  const said = rest.trimStart()
  if (said.length > maxFence || !/^(`{1,2}$|~{1,2}$|`{3}|~{3})/.test(said)) return false
  return said.split('\n').length <= (isInside ? 2 : 1)
}

/** Removes a fence that the new answer has too many. `rest` is what follows the seam. */
export function repairFence(rest: string, { open, isFenced }: FenceState): string {
  if (open === undefined) return isFenced ? rest.replace(closing, '') : rest
  const [repeated = '', marks] = again.exec(rest) ?? []
  // other marks are part of what stands in the block, such as an example of Markdown
  if (marks !== open) return rest
  return (repeated.startsWith('\n') ? '\n' : '') + rest.slice(repeated.length)
}

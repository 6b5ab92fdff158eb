/** What is wrong at one place of the text. */
export interface RouteFault {
  /** The place, counted from 0. The text's length for its end. */
  readonly at: number
  /** A verb phrase: `has ">" where a model must stand`. */
  readonly problem: string
  readonly remedy: string
}

/** A statement, and how far it has been read. */
export interface Cursor {
  /** The whole text, with spaces in place of comments. */
  readonly text: string
  /** The end of the statement. */
  readonly end: number
  at: number
}

/** Skips white space within the line. */
export function skipSpace(cursor: Cursor): void {
  take(cursor, /[^\S\n]+/y)
}

/** Reads what matches here, if anything does. @param pattern a sticky one */
export function take(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.at
  const [found] = pattern.exec(cursor.text) ?? []
  if (found === undefined || cursor.at + found.length > cursor.end) return undefined
  cursor.at += found.length
  return found
}

/** Reads a sign after white space. @returns whether it stands here */
export function takeSign(cursor: Cursor, sign: string): boolean {
  skipSpace(cursor)
  if (cursor.at >= cursor.end || cursor.text[cursor.at] !== sign) return false
  cursor.at++
  return true
}

/** Returns the fault of a place where something else must stand. */
export function expected({ text, at, end }: Cursor, what: string, remedy: string): RouteFault {
  const found = at >= end ? 'ends' : `has "${text.slice(at, Math.min(end, at + 20)).trimEnd()}"`
  return { at, problem: `${found} where ${what} must stand`, remedy }
}

/** Counted from 1, in its line. */
export function columnOf(text: string, at: number): number {
  return at - text.lastIndexOf('\n', at - 1)
}

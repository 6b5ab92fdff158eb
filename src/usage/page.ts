import { excerpt } from '../chat/secret.ts'
import { type Counts, Totals } from './counts.ts'

/** Whose answers are counted together. The upstream or the model is empty if none answered. */
export interface UsageRow {
  readonly upstream: string
  readonly model: string
  readonly totals: Totals
}

/** Limit for the rows of a page. All others of that day are counted together. */
const maxRows = 200
/** Limit for the characters of a model's name, which may come from a client. */
const maxName = 200
/** Stands for what is not counted apart. */
export const other = 'other'

/** What one caller has used on one day. */
export class Page {
  /** The caller's name at that time. */
  name: string
  readonly #rows = new Map<string, UsageRow>()

  constructor(name: string) {
    this.name = name
  }

  rows(): Iterable<UsageRow> {
    return this.#rows.values()
  }

  add(upstream: string, model: string, counts: Counts): void {
    this.totalsOf(upstream, model).add(counts)
  }

  /** The totals of a row, which is added if it is new. */
  totalsOf(upstream: string, named: string): Totals {
    const model = excerpt(named, maxName)
    const key = `${upstream}/${model}`
    const known = this.#rows.get(key)
    if (known) return known.totals
    const isOther = upstream === other && model === other
    if (this.#rows.size >= maxRows && !isOther) return this.totalsOf(other, other)
    const row = { upstream, model, totals: new Totals() }
    this.#rows.set(key, row)
    return row.totals
  }
}

/** What one process adds to a stored page. */
export interface PageWrite {
  readonly page: Page
  /** The process. */
  readonly writer: string
  /** Grows with each write of the process. */
  readonly sequence: number
}

/** How many processes a page remembers. */
const maxWriters = 16

interface StoredPage {
  readonly name: string
  readonly rows: readonly (readonly [upstream: string, model: string, numbers: readonly number[]])[]
  /** The processes that wrote last, each with its newest sequence. */
  readonly writers: readonly (readonly [writer: string, sequence: number])[]
}

/**
 * Adds a write to a stored page. It is remembered, so that a write is not added twice if its success was not seen.
 * @param stored undefined for the first write of the day
 * @returns the new text; undefined if the stored page has the write already
 */
export function writePage(stored: string | undefined, { page, writer, sequence }: PageWrite): string | undefined {
  const before: StoredPage = stored === undefined ? { name: '', rows: [], writers: [] } : JSON.parse(stored)
  if (before.writers.some(([id, newest]) => id === writer && newest >= sequence)) return undefined
  const whole = readRows(before)
  for (const { upstream, model, totals } of page.rows()) whole.totalsOf(upstream, model).addTotals(totals)
  const writers = [...before.writers.filter(([id]) => id !== writer), [writer, sequence] as const].slice(-maxWriters)
  const rows = Array.from(whole.rows(), ({ upstream, model, totals }) => [upstream, model, totals.numbers] as const)
  return JSON.stringify({ name: page.name, rows, writers } satisfies StoredPage)
}

/** Reads the text of a stored page. */
export function readPage(text: string): Page {
  return readRows(JSON.parse(text))
}

function readRows({ name, rows }: StoredPage): Page {
  const page = new Page(name)
  for (const [upstream, model, numbers] of rows) page.totalsOf(upstream, model).addTotals(new Totals(numbers))
  return page
}

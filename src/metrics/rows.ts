/** What is written for a name that is unknown, too long or one too many. */
export const other = 'other'

interface RowsOptions<Row> {
  /** The names of the labels, in the order of their values. */
  readonly labels: readonly string[]
  /** Limit for the rows. What comes later is counted together, as `other`. */
  readonly max: number
  create(): Row
}

interface Branch<Row> {
  readonly branches: Map<string, Branch<Row>>
  row: Row | undefined
}

/**
 * Rows of numbers by the values of their labels. Their number is bounded, because a metric must not grow with the names that clients
 * and upstreams think of. A tree finds a row without joining the values to one text, which would cost more than all the rest.
 */
export class Rows<Row> {
  readonly #options: RowsOptions<Row>
  readonly #root: Branch<Row> = { branches: new Map(), row: undefined }
  readonly #all: { readonly labels: Readonly<Record<string, string>>; readonly row: Row }[] = []
  #overflow: Row | undefined

  constructor(options: RowsOptions<Row>) {
    this.#options = options
  }

  /** The row of these values, in the order of the labels. */
  of(...values: readonly string[]): Row {
    let branch: Branch<Row> | undefined = this.#root
    for (const value of values) {
      branch = branch.branches.get(value)
      if (!branch) break
    }
    return branch?.row ?? this.#begin(values)
  }

  /** All rows with their labels, in the order in which they began. */
  get all(): readonly { readonly labels: Readonly<Record<string, string>>; readonly row: Row }[] {
    return this.#all
  }

  #begin(values: readonly string[]): Row {
    if (this.#overflow) return this.#overflow
    const { create, max, labels } = this.#options
    const row = create()
    if (this.#all.length >= max) {
      this.#overflow = row
      this.#all.push({ labels: Object.fromEntries(labels.map((label) => [label, other])), row })
      return row
    }
    let branch = this.#root
    for (const value of values) {
      const next: Branch<Row> = branch.branches.get(value) ?? { branches: new Map(), row: undefined }
      branch.branches.set(value, next)
      branch = next
    }
    branch.row = row
    // a label without a value is the same as none
    const own = labels.map((label, at) => [label, values[at] ?? '']).filter(([, value]) => value !== '')
    this.#all.push({ labels: Object.fromEntries(own), row })
    return row
  }
}

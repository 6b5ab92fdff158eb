import { findSpellings } from './spellings.ts'

/** The variables of a process and of its `.env`, by name. */
export type RawVariables = Readonly<Record<string, string | undefined>>

/** Finds values by our names of the variables, even if the operator used another spelling of a name. */
export class SpelledValues {
  readonly #values: RawVariables
  readonly #spellings: ReadonlyMap<string, readonly string[]>
  /** For each other spelling our name. */
  readonly #meant: ReadonlyMap<string, string>
  /** Our names of all variables that exist. */
  readonly names: readonly string[]
  #numbered: ReadonlyMap<string, readonly NumberedName[]> | undefined

  constructor(values: RawVariables) {
    this.#values = values
    this.#spellings = findSpellings(new Set(Object.keys(values).filter((name) => values[name]?.trim())))
    this.#meant = new Map([...this.#spellings].flatMap(([own, written]) => written.map((name) => [name, own])))
    const own = Object.keys(values).filter((name) => !this.#meant.has(name))
    this.names = [...new Set([...own, ...this.#spellings.keys()])]
  }

  /** The trimmed value of a variable; undefined if it is unset or empty. */
  get(name: string): string | undefined {
    return this.#values[name]?.trim() || this.#values[this.writtenAs(name)]?.trim() || undefined
  }

  /** The name that the operator used: the variable's own, or another spelling. */
  writtenAs(name: string): string {
    const [other] = this.#spellings.get(name) ?? []
    return other === undefined || this.#values[name]?.trim() ? name : other
  }

  /** Replaces the names of variables in a text by the spellings that the operator used. */
  asWritten(text: string): string {
    return text.replaceAll(/\b[A-Z][A-Z0-9_]{2,}\b/g, (name) => this.writtenAs(name))
  }

  /** The names that have any value, as the operator wrote them. */
  written(): readonly string[] {
    return Object.keys(this.#values).filter((name) => this.#values[name])
  }

  /** The names `NAME_1`, `NAME_2` … that exist, in the order of their numbers. */
  numbered(name: string): readonly string[] {
    this.#numbered ??= groupByName(this.names)
    const numbered = this.#numbered.get(name) ?? []
    return numbered.toSorted((a, b) => a.number - b.number).map(({ full }) => full)
  }

  /** Whether the name is another spelling of a name in `names`. */
  isSpellingOf(name: string, names: ReadonlySet<string>): boolean {
    const own = this.#meant.get(name)
    return own !== undefined && names.has(own)
  }

  /**
   * Warns of two spellings of one of these variables with different values, because the operator may have meant
   * either.
   */
  contradictions(names: ReadonlySet<string>): string[] {
    return [...this.#spellings].flatMap(([own, written]) => {
      const used = this.writtenAs(own)
      const value = this.get(own)
      const other = [own, ...written].find((name) => this.#values[name]?.trim() && this.#values[name]?.trim() !== value)
      if (!names.has(own) || other === undefined) return []
      return [`${other} is another name of ${used}, but has another value: ${used} is used. Leave one of them out.`]
    })
  }
}

/** A name such as `NAME_2`. */
interface NumberedName {
  readonly full: string
  readonly number: number
}

function groupByName(names: readonly string[]): ReadonlyMap<string, readonly NumberedName[]> {
  const groups = new Map<string, NumberedName[]>()
  for (const full of names) {
    const [, name = '', number] = /^(.+)_(\d+)$/.exec(full) ?? []
    if (number === undefined) continue
    const group = groups.get(name) ?? []
    group.push({ full, number: Number(number) })
    groups.set(name, group)
  }
  return groups
}

import { SecretFiles } from './secret-files.ts'
import { findSpellings } from './spellings.ts'

/** The variables of a process and of its `.env`, by name. */
export type RawVariables = Readonly<Record<string, string | undefined>>

/** Reports a problem of a variable's file. */
export type ReportFileProblem = (name: string, problem: string, remedy: string) => void

/** Finds values by our names of the variables, even if the operator used another spelling of a name, or a file for its value. */
export class SpelledValues {
  readonly #values: RawVariables
  readonly #files: SecretFiles
  readonly #report: ReportFileProblem
  readonly #spellings: ReadonlyMap<string, readonly string[]>
  /** For each other spelling our name. */
  readonly #meant: ReadonlyMap<string, string>
  /** Our names of all variables that exist. */
  readonly names: readonly string[]
  #numbered: ReadonlyMap<string, readonly NumberedName[]> | undefined

  constructor(values: RawVariables, report: ReportFileProblem = () => undefined) {
    this.#values = values
    this.#report = report
    this.#files = new SecretFiles(values)
    const set = Object.keys(values).filter((name) => values[name]?.trim())
    this.#spellings = findSpellings(new Set([...set, ...this.#files.names]))
    this.#meant = new Map([...this.#spellings].flatMap(([own, written]) => written.map((name) => [name, own])))
    const own = [...Object.keys(values), ...this.#files.names].filter((name) => !this.#meant.has(name))
    this.names = [...new Set([...own, ...this.#spellings.keys()])]
  }

  /** The trimmed value of a variable; undefined if it is unset or empty. */
  get(name: string): string | undefined {
    return this.#valueOf(this.writtenAs(name))
  }

  #valueOf(written: string): string | undefined {
    const plain = this.#values[written]?.trim() || undefined
    if (!this.#files.has(written)) return plain
    return this.#files.read(written, plain, (...problem) => this.#report(written, ...problem))
  }

  /** Whether the variable is set under this name, or has a file. */
  #isSet(written: string): boolean {
    return this.#files.has(written) || Boolean(this.#values[written]?.trim())
  }

  /** The name that the operator used: the variable's own, or another spelling. */
  writtenAs(name: string): string {
    const [other] = this.#spellings.get(name) ?? []
    return other === undefined || this.#isSet(name) ? name : other
  }

  /** What the operator has set for the variable: its name or another spelling, or the name of its file. */
  sourceOf(name: string): string {
    const written = this.writtenAs(name)
    return this.#files.writtenAs(written) ?? written
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

  /** Whether the name is another spelling of a name in `names`, or the file of one. */
  isSpellingOf(name: string, names: ReadonlySet<string>): boolean {
    const meant = this.#files.variableOf(name) ?? name
    return names.has(this.#meant.get(meant) ?? meant)
  }

  /**
   * Warns of two spellings of one of these variables with different values, because the operator may have meant
   * either.
   */
  contradictions(names: ReadonlySet<string>): string[] {
    return [...this.#spellings].flatMap(([own, written]) => {
      const used = this.writtenAs(own)
      const value = this.get(own)
      if (!names.has(own)) return []
      const other = [own, ...written].find((name) => this.#isSet(name) && this.#valueOf(name) !== value)
      if (other === undefined) return []
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

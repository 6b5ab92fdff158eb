import { Secret } from '../chat/secret.ts'
import type { CredentialVariable, NamedSecret, Problem, Variables } from '../providers/provider.ts'
import { version } from '../version.ts'
import { readHeaders } from './read-headers.ts'
import { httpUrl, oneOf, type ReadValue, socketUrl, wholeNumber, yesAndNo } from './read-value.ts'
import { findSecretDoubt, findSecretFault } from './secret-form.ts'
import { environmentAlone, type Origins, type Setting } from './setting.ts'
import { type RawVariables, SpelledValues } from './spelled-values.ts'
import { type NamesInUse, unknownInEnvironment, unknownInFile } from './unknown-names.ts'
import { Visibility } from './visibility.ts'

interface RecordedReads<Result> {
  readonly result: Result
  readonly names: readonly string[]
  /** All names that it read. */
  readonly read: readonly string[]
  readonly secrets: readonly string[]
  /** The credentials that may be set, whether they are or not. */
  readonly credentials: readonly CredentialVariable[]
}

/** Reads variables, remembers which names were read, and collects the problems of their values. */
export class Environment implements Variables {
  readonly #values: SpelledValues
  readonly #origins: Origins
  #read = new Set<string>()
  readonly #visibility = new Visibility()
  readonly #problems: Problem[] = []
  /** The contents of the files that variables name. */
  readonly #files = new Map<string, string>()
  readonly #warnings: string[] = []
  /** The credentials that were read: each with its variable, without a number. */
  readonly #credentials = new Map<string, CredentialVariable>()

  constructor(values: RawVariables, origins = environmentAlone) {
    this.#values = new SpelledValues(values, (variable, problem, remedy) => this.report({ variable, problem, remedy }))
    this.#origins = origins
  }

  get problems(): readonly Problem[] {
    return this.#problems
  }

  /** Probable mistakes that do not prevent a start. */
  get warnings(): readonly string[] {
    const { inFile } = this.#origins
    const names = this.#namesInUse()
    const inEnvironment = this.#values.written().filter((name) => !inFile.has(name))
    return [
      ...this.#warnings,
      ...this.#values.contradictions(this.#read),
      ...unknownInFile(inFile, names),
      ...unknownInEnvironment(inEnvironment, names),
    ]
  }

  /** All variables that are set and were read, in the order of reading. */
  get settings(): readonly Setting[] {
    return [...this.#read].flatMap((name) => {
      const value = this.text(name)
      if (value === undefined) return []
      const written = this.#values.sourceOf(name)
      const origin = this.#origins.of.get(written) ?? 'environment'
      return [
        {
          name,
          value: this.#visibility.mayShow(name, value) ? value : undefined,
          origin: written === name ? origin : `${origin}, as ${written}`,
        },
      ]
    })
  }

  /** Whether the variable has a value. */
  isSet(name: string): boolean {
    return this.#values.get(name) !== undefined
  }

  /** Whether the variable is not set by the environment, but kept in the state. */
  isKept(name: string): boolean {
    return this.#origins.inState?.has(name) ?? false
  }

  get userAgent(): string {
    return this.text('UPSTREAM_USER_AGENT') ?? `tributary/${version}`
  }

  text(name: string): string | undefined {
    this.#read.add(name)
    return this.#values.get(name)
  }

  url(name: string): string | undefined {
    const url = this.#parse(
      name,
      httpUrl,
      'is not an http or https URL',
      'for example https://host/v1, without a user, a query or a fragment',
    )
    return url?.replace(/\/+$/, '')
  }

  socketUrl(name: string): string | undefined {
    const url = this.#parse(
      name,
      socketUrl,
      'is not a ws or wss URL',
      'for example wss://host, without a user, a query or a fragment',
    )
    return url?.replace(/\/+$/, '')
  }

  /** The name that the operator used for a variable of ours. */
  writtenAs(name: string): string {
    return this.#values.writtenAs(name)
  }

  /** Marks a value as one that is or may contain a secret, so that it is never shown. */
  hide(name: string): void {
    this.#visibility.hide(name)
  }

  list(name: string): readonly string[] | undefined {
    this.#visibility.show(name)
    const items = this.text(name)
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
    return items?.length ? items : undefined
  }

  headers(name: string): Readonly<Record<string, string>> {
    const text = this.text(name)
    if (text === undefined) return {}
    const read = readHeaders(text)
    if ('headers' in read) return read.headers
    this.report({ variable: name, ...read.wrong })
    return {}
  }

  secrets(name: string): readonly NamedSecret[] {
    this.#credentials.set(name, { variable: name, kind: 'key' })
    return this.#each(name, (variable) => {
      const secret = this.secret(variable)
      const doubt = secret && findSecretDoubt(secret.reveal(), name)
      if (doubt) this.#warnings.push(`${this.#values.sourceOf(variable)} ${doubt}`)
      return secret
    })
  }

  texts(name: string): readonly NamedSecret[] {
    this.#credentials.set(name, { variable: name, kind: 'session' })
    return this.#each(name, (variable) => {
      this.#visibility.hide(variable)
      const text = this.text(variable)
      return text === undefined ? undefined : new Secret(text)
    })
  }

  #each(name: string, read: (variable: string) => Secret | undefined): NamedSecret[] {
    const numbered = this.#values.numbered(name).filter((variable) => this.text(variable) !== undefined)
    return [name, ...numbered].flatMap((variable) => {
      const secret = read(variable)
      return secret ? [{ name: this.#values.writtenAs(variable), secret }] : []
    })
  }

  /** Reads a secret that must fit into a header: without white space or control characters. */
  secret(name: string): Secret | undefined {
    this.#visibility.hide(name)
    const value = this.text(name)
    if (!value) return undefined
    const why = findSecretFault(value)
    if (!why) return new Secret(value)
    this.report({ variable: name, ...why })
    return undefined
  }

  matching(pattern: RegExp): readonly RegExpExecArray[] {
    return this.#values.names
      .filter((name) => pattern.test(name) && this.text(name) !== undefined)
      .flatMap((name) => {
        const match = pattern.exec(name)
        return match ? [match] : []
      })
  }

  /** Reads a whole number from `min` to `max`, both included. */
  integer(
    name: string,
    { fallback, min, max }: { readonly fallback: number; readonly min: number; readonly max: number },
  ): number {
    return (
      this.#parse(
        name,
        wholeNumber(min, max),
        `is not a whole number from ${min} to ${max}`,
        `leave it out for the default of ${fallback}`,
      ) ?? fallback
    )
  }

  /**
   * Reads one of a few words, in any case.
   * @param synonyms other words that mean one of them
   */
  choice<const Word extends string>(
    name: string,
    words: readonly Word[],
    synonyms: Readonly<Record<string, NoInfer<Word>>> = {},
  ): Word | undefined {
    return this.#parse(name, oneOf(words, synonyms), 'is not one of its allowed words', `one of ${words.join(', ')}`)
  }

  /** Reads yes or no, in any of the usual words. */
  flag(name: string): boolean {
    return this.choice(name, ['true', 'false'], yesAndNo) === 'true'
  }

  /** Runs `run`, and returns the names that it was the first to read, and which of them are secrets. */
  recordReads<Result>(run: () => Result): RecordedReads<Result> {
    const before = this.#read
    this.#read = new Set()
    const result = run()
    const own = this.#read
    this.#read = before.union(own)
    const names = [...own].filter((name) => !before.has(name))
    const secrets = names.filter((name) => this.#visibility.isHidden(name))
    const credentials = names.flatMap((name) => this.#credentials.get(name) ?? [])
    return { result, names, read: [...own], secrets, credentials }
  }

  /** A hash of the value of each variable that is set and was read. It reveals nothing. */
  fingerprints(): ReadonlyMap<string, string> {
    const set = [...this.#read].filter((name) => this.#values.get(name) !== undefined)
    return new Map(set.map((name) => [name, this.fingerprintOf([name])]))
  }

  /** Notes the content of the file that a variable names, so that a change of it is seen. */
  noteFile(name: string, content: string): void {
    this.#files.set(name, content)
  }

  /** A hash of the values of these variables, as far as they are set. It reveals nothing. */
  fingerprintOf(names: readonly string[]): string {
    const set = names.filter((name) => this.isSet(name)).toSorted()
    const values = set.map((name) => [name, this.#values.get(name), this.#files.get(name)])
    return Bun.SHA256.hash(JSON.stringify(values), 'hex')
  }

  report(problem: Problem): void {
    const written = this.#values.sourceOf(problem.variable)
    const origin = this.#origins.of.get(written)
    this.#problems.push({
      variable: origin?.startsWith('--') ? origin : written,
      problem: this.#values.asWritten(problem.problem),
      remedy: this.#values.asWritten(problem.remedy),
    })
  }

  /** Adds a warning, which does not prevent a start. */
  warn(text: string): void {
    this.#warnings.push(this.#values.asWritten(text))
  }

  #namesInUse(): NamesInUse {
    const read = this.#read
    return {
      read,
      isKnown: (name) => read.has(name) || this.#values.isSpellingOf(name, read),
      isSet: (name) => this.text(name) !== undefined,
    }
  }

  #parse<T>(name: string, read: ReadValue<T>, problem: string, remedy: string): T | undefined {
    this.#visibility.show(name)
    const value = this.text(name)
    if (value === undefined) return undefined
    const meant = read(value)
    if (meant !== undefined) return meant
    if (/^(['"]).*\1$/.test(value))
      this.report({ variable: name, problem: 'has quotes around its value', remedy: 'leave them out' })
    else this.report({ variable: name, problem, remedy })
    return undefined
  }
}

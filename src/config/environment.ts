import { z } from 'zod'
import { Secret } from '../chat/secret.ts'
import type { NamedSecret, Problem, Variables } from '../providers/provider.ts'
import { version } from '../version.ts'
import { editsBetween, isSameCredential, nearestName } from './near-name.ts'
import { secretDoubt, whyNoSecret } from './secret-form.ts'
import { spelledOtherwise } from './spellings.ts'

/** The variables of a process and of its `.env`, by name. */
export type RawVariables = Readonly<Record<string, string | undefined>>

const Url = z.url({ protocol: /^https?$/ }).refine((text) => {
  if (/[?#]/.test(text)) return false
  const url = URL.parse(text)
  return url?.username === '' && url.password === ''
})

const SocketUrl = z
  .string()
  .refine((text) => /^wss?:/.test(text) && Url.safeParse(text.replace('ws', 'http')).success)
  .or(Url)

/** Where variables come from, if not from the process's environment. */
export interface Origins {
  /** The variables in the file, each with its place: `.env line 3`. */
  readonly inFile: ReadonlyMap<string, string>
  /** The place of each variable that the environment does not set, or sets to the same value. */
  readonly of: ReadonlyMap<string, string>
}

const environmentAlone: Origins = { inFile: new Map(), of: new Map() }

/** A variable that is set, and that the program reads. */
export interface Setting {
  readonly name: string
  /** Undefined if it is a secret or may contain one. */
  readonly value: string | undefined
  /** `environment`, `.env line 3` or `--port`, and the spelling that was used, if it is another one. */
  readonly origin: string
}

/** Reads variables, remembers which names were read, and collects the problems of their values. */
export class Environment implements Variables {
  readonly #values: RawVariables
  readonly #origins: Origins
  readonly #spelled: ReadonlyMap<string, readonly string[]>
  readonly #read = new Set<string>()
  readonly #secrets = new Set<string>()
  readonly #plain = new Set<string>(plainTexts)
  readonly #problems: Problem[] = []
  readonly #warnings: string[] = []

  constructor(values: RawVariables, origins = environmentAlone) {
    this.#values = values
    this.#origins = origins
    this.#spelled = spelledOtherwise(new Set(Object.keys(values).filter((name) => values[name]?.trim())))
  }

  get problems(): readonly Problem[] {
    return this.#problems
  }

  /** Probable mistakes that do not prevent a start. */
  get warnings(): readonly string[] {
    return [...this.#warnings, ...this.#contradictions(), ...this.#unknownInFile(), ...this.#unknownInEnvironment()]
  }

  /** All variables that are set and were read, in the order of reading. */
  get settings(): readonly Setting[] {
    return [...this.#read].flatMap((name) => {
      const value = this.text(name)
      if (value === undefined) return []
      const written = this.#writtenAs(name)
      const origin = this.#origins.of.get(written) ?? 'environment'
      return [
        {
          name,
          value: this.#isPlain(name, value) ? value : undefined,
          origin: written === name ? origin : `${origin}, as ${written}`,
        },
      ]
    })
  }

  /** Whether a value may be shown. A URL with a user or a query may not, because either may contain a key. */
  #isPlain(name: string, value: string): boolean {
    if (this.#secrets.has(name)) return false
    return this.#plain.has(name) || (name.endsWith('_URL') && /^https?:\/\/[^@?#\s]+$/.test(value))
  }

  get userAgent(): string {
    return this.text('UPSTREAM_USER_AGENT') ?? `tributary/${version}`
  }

  text(name: string): string | undefined {
    this.#read.add(name)
    return this.#values[name]?.trim() || this.#values[this.#writtenAs(name)]?.trim() || undefined
  }

  /** The name that the operator used: the variable's own, or another spelling. */
  #writtenAs(name: string): string {
    const [other] = this.#spelled.get(name) ?? []
    return other === undefined || this.#values[name]?.trim() ? name : other
  }

  url(name: string): string | undefined {
    const url = this.#parsed(
      name,
      () => Url,
      'is not an http or https URL',
      'for example https://host/v1, without a user, a query or a fragment',
    )
    return url?.replace(/\/+$/, '')
  }

  socketUrl(name: string): string | undefined {
    const url = this.#parsed(
      name,
      () => SocketUrl,
      'is not a ws or wss URL',
      'for example wss://host, without a user, a query or a fragment',
    )
    return url?.replace(/\/+$/, '')
  }

  /** Marks a value as one that is or may contain a secret, so that it is never shown. */
  hide(name: string): void {
    this.#secrets.add(name)
  }

  list(name: string): readonly string[] | undefined {
    this.#plain.add(name)
    const items = this.text(name)
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
    return items?.length ? items : undefined
  }

  secrets(name: string): readonly NamedSecret[] {
    return this.#each(name, (variable) => {
      const secret = this.secret(variable)
      const doubt = secret && secretDoubt(secret.reveal(), name)
      if (doubt) this.#warnings.push(`${this.#writtenAs(variable)} ${doubt}`)
      return secret
    })
  }

  texts(name: string): readonly NamedSecret[] {
    return this.#each(name, (variable) => {
      this.#secrets.add(variable)
      const text = this.text(variable)
      return text === undefined ? undefined : new Secret(text)
    })
  }

  #each(name: string, read: (variable: string) => Secret | undefined): NamedSecret[] {
    const numbered = this.matching(new RegExp(`^${name}_(\\d+)$`))
      .map(([full, number]) => ({ full, number: Number(number) }))
      .sort((a, b) => a.number - b.number)
      .map(({ full }) => full)
    return [name, ...numbered].flatMap((variable) => {
      const secret = read(variable)
      return secret ? [{ name: this.#writtenAs(variable), secret }] : []
    })
  }

  /** Reads a secret that must fit into a header: without white space or control characters. */
  secret(name: string): Secret | undefined {
    this.#secrets.add(name)
    const value = this.text(name)
    if (!value) return undefined
    const why = whyNoSecret(value)
    if (!why) return new Secret(value)
    this.report({ variable: name, ...why })
    return undefined
  }

  matching(pattern: RegExp): readonly RegExpExecArray[] {
    const others = new Set([...this.#spelled.values()].flat())
    const names = new Set([...Object.keys(this.#values).filter((name) => !others.has(name)), ...this.#spelled.keys()])
    return [...names]
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
    const schema = () =>
      z
        .string()
        .regex(/^\d{1,15}$/)
        .transform(Number)
        .pipe(z.int().min(min).max(max))
    return (
      this.#parsed(name, schema, `is not a whole number from ${min} to ${max}`, `leave it out for ${fallback}`) ??
      fallback
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
    const schema = () =>
      z
        .string()
        .toLowerCase()
        .transform((word) => synonyms[word] ?? word)
        .pipe(z.enum(words))
    return this.#parsed(name, schema, 'is not one of the words that it may be', `one of ${words.join(', ')}`)
  }

  /** Reads yes or no, in any of the usual words. */
  flag(name: string): boolean {
    return this.choice(name, ['true', 'false'], yesAndNo) === 'true'
  }

  /** Runs `run`, and returns the names that it was the first to read, and which of them are secrets. */
  recording<Result>(run: () => Result): {
    readonly result: Result
    readonly names: readonly string[]
    readonly secrets: readonly string[]
  } {
    const before = new Set(this.#read)
    const result = run()
    const names = [...this.#read].filter((name) => !before.has(name))
    return { result, names, secrets: names.filter((name) => this.#secrets.has(name)) }
  }

  report(problem: Problem): void {
    const written = this.#writtenAs(problem.variable)
    const origin = this.#origins.of.get(written)
    this.#problems.push({
      variable: origin?.startsWith('--') ? origin : written,
      problem: this.#asWritten(problem.problem),
      remedy: this.#asWritten(problem.remedy),
    })
  }

  /** Replaces the names of variables in a text by the spellings that the operator used. */
  #asWritten(text: string): string {
    return text.replaceAll(/\b[A-Z][A-Z0-9_]{2,}\b/g, (name) => this.#writtenAs(name))
  }

  /** Adds a warning, which does not prevent a start. */
  warn(text: string): void {
    this.#warnings.push(this.#asWritten(text))
  }

  #isKnown(name: string): boolean {
    if (this.#read.has(name)) return true
    return this.#spelled.entries().some(([own, written]) => this.#read.has(own) && written.includes(name))
  }

  /** Warns of two spellings of a variable with different values, because the operator may have meant either. */
  #contradictions(): string[] {
    return [...this.#spelled].flatMap(([own, written]) => {
      const taken = this.#writtenAs(own)
      const other = [own, ...written].find(
        (name) => this.#values[name]?.trim() && this.#values[name]?.trim() !== this.text(own),
      )
      if (!this.#read.has(own) || other === undefined) return []
      return [`${other} is another name of ${taken}, but has another value: ${taken} is used. Leave one of them out.`]
    })
  }

  /** Warns of all unknown names in the file, because the file is only for this program. */
  #unknownInFile(): string[] {
    return [...this.#origins.inFile]
      .filter(([name]) => !this.#isKnown(name) && !elsewhere.has(name.toUpperCase()))
      .map(([name, place]) => `${place}: ${unknownWords(name, nearestName(name, this.#names()))}`)
      .concat(this.#misplaced())
  }

  #misplaced(): string[] {
    return [...this.#origins.inFile]
      .filter(([name]) => elsewhere.has(name.toUpperCase()))
      .map(([name, place]) => `${place}: ${name} has no effect in a file: the runtime reads it from the environment.`)
  }

  /** Warns of unknown names in the environment that are similar to one of ours. All others belong to other programs. */
  #unknownInEnvironment(): string[] {
    const unset = this.#names().filter((name) => name.length > 5 && this.text(name) === undefined)
    return Object.keys(this.#values)
      .filter((name) => this.#values[name] && !this.#origins.inFile.has(name) && !this.#isKnown(name))
      .flatMap((name) => {
        const meant = nearestName(
          name,
          unset.filter((other) => isProbablyOurs(name, other)),
        )
        return meant === undefined && !name.startsWith('UPSTREAM_') ? [] : [unknownWords(name, meant)]
      })
  }

  #names(): string[] {
    return [...this.#read]
  }

  /** @param schema called only if the value is set, because most are not */
  #parsed<T>(name: string, schema: () => z.ZodType<T>, problem: string, remedy: string): T | undefined {
    this.#plain.add(name)
    const value = this.text(name)
    if (value === undefined) return undefined
    const parsed = schema().safeParse(value)
    if (parsed.success) return parsed.data
    if (/^(['"]).*\1$/.test(value))
      this.report({ variable: name, problem: 'has quotes around its value', remedy: 'leave them out' })
    else this.report({ variable: name, problem, remedy })
    return undefined
  }
}

/** Texts that contain no secret. Any other text may, and so may the values for tool servers. */
const plainTexts = [
  'HOST',
  'STATE_URL',
  'STATE_DIRECTORY',
  'OLLAMA_HOST',
  'LANGFAST_PROMPT_ID',
  'CTO_PROTOCOL',
  'CLERK_API_VERSION',
  'ROUTES',
  'SUMMARY_MODEL',
  'CHAT_MODEL',
  'UPSTREAM_USER_AGENT',
]

const yesAndNo = {
  1: 'true',
  yes: 'true',
  y: 'true',
  on: 'true',
  0: 'false',
  no: 'false',
  n: 'false',
  off: 'false',
} as const

/** Variables that Bun itself reads from the process's environment, and never from our file. */
const elsewhere = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY', 'BUN_CONFIG_MAX_HTTP_REQUESTS'])

function unknownWords(name: string, nearest: string | undefined): string {
  const words = `${name} is not a variable of tributary.`
  return nearest === undefined ? words : `${words} Did you mean ${nearest}?`
}

/** Whether a name of the environment is meant to be ours: with the same first word it may differ by two edits, otherwise by one at most. */
function isProbablyOurs(name: string, other: string): boolean {
  if (isSameCredential(name, other)) return true
  const edits = editsBetween(name.toUpperCase(), other)
  return edits <= (firstWord(name) === firstWord(other) ? 2 : name.length >= 10 ? 1 : 0)
}

function firstWord(name: string): string {
  return name.split('_', 1)[0] ?? name
}

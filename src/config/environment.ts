import { z } from 'zod'
import { Secret } from '../chat/secret.ts'
import type { NamedSecret, Problem, Variables } from '../providers/provider.ts'
import { version } from '../version.ts'

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

/** Reads variables, remembers which names there are, and gathers what is wrong with their values. */
export class Environment implements Variables {
  readonly #values: RawVariables
  readonly #read = new Set<string>()
  readonly #problems: Problem[] = []
  readonly #warnings: string[] = []

  constructor(values: RawVariables) {
    this.#values = values
  }

  get problems(): readonly Problem[] {
    return this.#problems
  }

  get warnings(): readonly string[] {
    return this.#warnings
  }

  get userAgent(): string {
    return this.text('UPSTREAM_USER_AGENT') ?? `tributary/${version}`
  }

  text(name: string): string | undefined {
    this.#read.add(name)
    return this.#values[name]?.trim() || undefined
  }

  url(name: string): string | undefined {
    const url = this.#parsed(
      name,
      () => Url,
      'is no http or https URL',
      'for example https://host/v1, without a user, a query or a fragment',
    )
    return url?.replace(/\/+$/, '')
  }

  socketUrl(name: string): string | undefined {
    const url = this.#parsed(
      name,
      () => SocketUrl,
      'is no ws or wss URL',
      'for example wss://host, without a user, a query or a fragment',
    )
    return url?.replace(/\/+$/, '')
  }

  list(name: string): readonly string[] | undefined {
    const items = this.text(name)
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
    return items?.length ? items : undefined
  }

  secrets(name: string): readonly NamedSecret[] {
    return this.#each(name, (variable) => this.secret(variable))
  }

  texts(name: string): readonly NamedSecret[] {
    return this.#each(name, (variable) => {
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
      return secret ? [{ name: variable, secret }] : []
    })
  }

  /** A value that must stand in a header: without white space or control characters. */
  secret(name: string): Secret | undefined {
    const value = this.text(name)
    if (!value) return undefined
    if (/^[\x21-\x7e]+$/.test(value)) return new Secret(value)
    this.report({
      variable: name,
      problem: 'holds white space or characters that no key has',
      remedy: 'copy the key again, without quotes and line breaks',
    })
    return undefined
  }

  matching(pattern: RegExp): readonly RegExpExecArray[] {
    return Object.keys(this.#values)
      .filter((name) => pattern.test(name) && this.text(name) !== undefined)
      .flatMap((name) => {
        const match = pattern.exec(name)
        return match ? [match] : []
      })
  }

  /** A whole number within bounds, both included. */
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
      this.#parsed(name, schema, `is no whole number from ${min} to ${max}`, `leave it out for ${fallback}`) ?? fallback
    )
  }

  /** One of a few words. */
  choice<const Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    return this.#parsed(name, () => z.enum(words), 'is none of the words it may be', `one of ${words.join(', ')}`)
  }

  report(problem: Problem): void {
    this.#problems.push(problem)
  }

  warn(text: string): void {
    this.#warnings.push(text)
  }

  /** Names that nobody reads but that look like one that somebody does. */
  typos(): readonly { readonly name: string; readonly nearest: string }[] {
    const unset = [...this.#read].filter((name) => name.length > 5 && !this.#values[name])
    return Object.keys(this.#values)
      .filter((name) => !this.#read.has(name) && this.#values[name])
      .flatMap((name) => {
        const [nearest] = unset
          .filter((other) => firstWord(other) === firstWord(name))
          .map((other) => ({ name: other, edits: editsBetween(name, other) }))
          .filter(({ edits }) => edits <= maxEdits)
          .sort((a, b) => a.edits - b.edits)
        return nearest ? [{ name, nearest: nearest.name }] : []
      })
  }

  /** @param schema made only for a value that is set: most are not */
  #parsed<T>(name: string, schema: () => z.ZodType<T>, problem: string, remedy: string): T | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const parsed = schema().safeParse(value)
    if (parsed.success) return parsed.data
    this.report({ variable: name, problem, remedy })
    return undefined
  }
}

function firstWord(name: string): string {
  return name.split('_', 1)[0] ?? name
}

/** More than this makes another name, not a typo. */
const maxEdits = 2

/** How many edits (insert, delete, replace) make one name of the other. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [at, letter] of [...a].entries()) {
    const next = [at + 1]
    for (const [column, other] of [...b].entries()) {
      next.push(
        Math.min((row[column] ?? 0) + (letter === other ? 0 : 1), (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1),
      )
    }
    row = next
  }
  return row.at(-1) ?? 0
}

import type { Fields } from '../../chat/message.ts'
import { isFields, readLooseJson } from './json-builder.ts'

/** A value in the form that a schema wants, and what is still wrong with it, in words for the model. */
export interface FittedValue {
  readonly value: unknown
  readonly problems: readonly string[]
}

/** Steps of one check. A schema with many alternatives within each other is not followed to its end. */
const maxSteps = 20_000
/** Problems that are listed. */
const maxProblems = 8

/**
 * Repairs the types of a value: numbers and booleans that were written as texts, an item where a list belongs, JSON within a
 * text, the names of members and the words of an enumeration in another spelling, and nulls for members that may be missing.
 * It checks what a JSON Schema says of types, members and lists. Other keywords are not checked.
 */
export function fitSchema(value: unknown, schema: unknown): FittedValue {
  const check = new SchemaCheck(schema)
  return { value: check.fit(value, schema, ''), problems: check.problems.slice(0, maxProblems) }
}

/** Finds what a schema refers to within itself. */
export function resolveSchema(schema: unknown, root: unknown): Fields | undefined {
  let found: unknown = schema
  for (let hops = 0; hops < 8 && isFields(found); hops++) {
    const { $ref: path } = found
    if (typeof path !== 'string') return found
    found = path
      .split('/')
      .slice(1)
      .reduce<unknown>((at, name) => (isFields(at) && Object.hasOwn(at, name) ? at[name] : undefined), root)
  }
  return undefined
}

class SchemaCheck {
  readonly problems: string[] = []
  readonly #root: unknown
  #steps = 0

  constructor(root: unknown) {
    this.#root = root
  }

  fit(value: unknown, schema: unknown, path: string): unknown {
    const found = resolveSchema(schema, this.#root)
    if (!found || this.#steps++ > maxSteps) return value
    const alternatives = [found.anyOf, found.oneOf].find(Array.isArray)
    if (alternatives) return this.#fitAny(value, alternatives, path)
    const parts = Array.isArray(found.allOf) ? found.allOf : []
    const whole = parts.reduce((fitted: unknown, part) => this.fit(fitted, part, path), value)
    const typed = this.#fitType(whole, found, path)
    if (isFields(typed)) return this.#fitMembers(typed, found, path)
    if (Array.isArray(typed)) return this.#fitItems(typed, found, path)
    return this.#fitWord(typed, found, path)
  }

  /** The first alternative that the value fits as it is, or else the first that it can be made to fit. */
  #fitAny(value: unknown, alternatives: readonly unknown[], path: string): unknown {
    const before = this.problems.length
    const own = alternatives.filter((one) => typesOf(resolveSchema(one, this.#root) ?? {}).includes(typeOf(value)))
    let fewest: readonly string[] | undefined
    for (const alternative of [...own, ...alternatives]) {
      const fitted = this.fit(value, alternative, path)
      const found = this.problems.splice(before)
      if (found.length === 0) return fitted
      fewest ??= found
    }
    this.problems.push(...(fewest ?? []))
    return value
  }

  #fitType(value: unknown, schema: Fields, path: string): unknown {
    const types = typesOf(schema)
    const type = typeOf(value)
    if (types.length === 0 || types.includes(type) || (type === 'integer' && types.includes('number'))) return value
    for (const wanted of types) {
      const repaired = repairs[wanted]?.(value)
      if (repaired) return repaired.value
    }
    this.#report(path, `must be ${types.join(' or ')}, not ${type}`)
    return value
  }

  #fitMembers(value: Fields, schema: Fields, path: string): Fields {
    const { properties, required, additionalProperties: others } = schema
    const known = isFields(properties) ? properties : {}
    const needed = new Set(Array.isArray(required) ? required : [])
    const fitted: [string, unknown][] = []
    for (const [written, member] of Object.entries(value)) {
      const name = nearName(written, known, (taken) => Object.hasOwn(value, taken))
      const own = Object.hasOwn(known, name) ? known[name] : undefined
      if (own === undefined && others === false) continue
      // models write null for what they leave out
      if (member === null && own !== undefined && !needed.has(name) && !this.#takesNull(own)) continue
      const inner = path === '' ? name : `${path}.${name}`
      fitted.push([name, this.fit(member, own ?? (isFields(others) ? others : undefined), inner)])
    }
    const names = new Set(fitted.map(([name]) => name))
    for (const name of needed)
      if (typeof name === 'string' && !names.has(name))
        this.#report(path === '' ? name : `${path}.${name}`, 'is missing')
    return Object.fromEntries(fitted)
  }

  #takesNull(schema: unknown): boolean {
    const before = this.problems.length
    this.fit(null, schema, '')
    return this.problems.splice(before).length === 0
  }

  #fitItems(value: readonly unknown[], { items, minItems, maxItems }: Fields, path: string): readonly unknown[] {
    if (typeof minItems === 'number' && value.length < minItems) this.#report(path, `needs ${minItems} items`)
    if (typeof maxItems === 'number' && value.length > maxItems)
      this.#report(path, `may have ${maxItems} items at most`)
    return items === undefined ? value : value.map((item, at) => this.fit(item, items, `${path}[${at}]`))
  }

  #fitWord(value: unknown, { enum: allowed, const: only }: Fields, path: string): unknown {
    const words: readonly unknown[] = Array.isArray(allowed) ? allowed : only === undefined ? [] : [only]
    if (words.length === 0 || words.includes(value)) return value
    const near = words.filter((word) => spelling(String(word)) === spelling(String(value)))
    if (near.length === 1) return near[0]
    this.#report(path, `must be one of ${JSON.stringify(words).slice(0, 200)}`)
    return value
  }

  #report(path: string, problem: string): void {
    this.problems.push(`${path === '' ? 'The value' : path} ${problem}.`)
  }
}

/** The member that a name stands for: its own, or the only one that has nearly the same name and is not written. */
export function nearName(written: string, known: Fields, isTaken: (name: string) => boolean): string {
  if (Object.hasOwn(known, written)) return written
  const plain = spelling(written)
  const near = Object.keys(known).filter((name) => spelling(name) === plain && !isTaken(name))
  return near.length === 1 && near[0] !== undefined ? near[0] : written
}

/** A name without case and separators. */
export function spelling(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_.-]/g, '')
}

function typesOf({ type }: Fields): readonly string[] {
  if (typeof type === 'string') return [type]
  return Array.isArray(type) ? type.filter((one) => typeof one === 'string') : []
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

type Repair = (value: unknown) => { readonly value: unknown } | undefined

function readNumber(value: unknown): { readonly value: number } | undefined {
  if (typeof value !== 'string' || !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value)) return undefined
  return { value: Number(value) }
}

const repairs: Readonly<Record<string, Repair>> = {
  number: readNumber,
  integer(value) {
    const read = typeof value === 'number' ? { value } : readNumber(value)
    return read && Number.isInteger(read.value) ? read : undefined
  },
  boolean(value) {
    const word = typeof value === 'string' ? value.trim().toLowerCase() : ''
    return word === 'true' || word === 'false' ? { value: word === 'true' } : undefined
  },
  null: (value) => (typeof value === 'string' && /^\s*(null|none)?\s*$/i.test(value) ? { value: null } : undefined),
  array(value) {
    const read = typeof value === 'string' && /^\s*\[/.test(value) ? readLooseJson(value) : undefined
    if (Array.isArray(read?.value)) return read
    return value === null || value === '' ? undefined : { value: [value] }
  },
  object(value) {
    const read = typeof value === 'string' && /^\s*\{/.test(value) ? readLooseJson(value) : undefined
    return isFields(read?.value) ? read : undefined
  },
  string(value) {
    if (typeof value === 'number' || typeof value === 'boolean') return { value: String(value) }
    return typeof value === 'object' && value !== null ? { value: JSON.stringify(value) } : undefined
  },
}

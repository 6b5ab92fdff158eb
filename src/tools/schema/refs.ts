import type { Fields } from '../../chat/message.ts'
import { percentDecoded } from '../../chat/percent-decoded.ts'
import { isFields } from './json-types.ts'

/** Places of definitions; a reference into them stays unchanged. */
const homes = ['$defs', 'definitions']

/** Resolves the references of a schema, and gives their targets a place in the new schema. */
export class Refs {
  readonly #root: Fields
  /** New names of definitions that were elsewhere, by the pointer to them. */
  readonly #names = new Map<string, string>()
  readonly #usedNames: Set<string>
  readonly #waiting: { readonly name: string; readonly schema: unknown }[] = []

  constructor(root: Fields) {
    this.#root = root
    this.#usedNames = new Set(isFields(root.$defs) ? Object.keys(root.$defs) : [])
  }

  /** The target of a reference within this schema; undefined if there is none. */
  find(ref: unknown): unknown {
    const path = pathOf(ref)
    let found: unknown = path && this.#root
    for (const step of path ?? []) {
      if (Array.isArray(found)) found = /^\d{1,6}$/.test(step) ? found[Number(step)] : undefined
      else found = isFields(found) && Object.hasOwn(found, step) ? found[step] : undefined
    }
    return found
  }

  /** The reference for the new schema; undefined if it has no target. */
  moveReference(ref: unknown): string | undefined {
    const path = pathOf(ref)
    if (!path || this.find(ref) === undefined) return undefined
    if (path.length === 0) return '#'
    const [home = ''] = path
    if (path.length === 2 && homes.includes(home)) return String(ref)
    return `#/$defs/${this.#nameOf(path.join('/'), path.at(-1) ?? '', ref)}`
  }

  /** The next moved definition that is not written yet. */
  next(): { readonly name: string; readonly schema: unknown } | undefined {
    return this.#waiting.pop()
  }

  #nameOf(pointer: string, last: string, ref: unknown): string {
    const known = this.#names.get(pointer)
    if (known !== undefined) return known
    const plain = last.replace(/\W+/g, '_').slice(0, 40) || 'schema'
    let name = plain
    for (let at = 2; this.#usedNames.has(name); at++) name = `${plain}_${at}`
    this.#usedNames.add(name)
    this.#names.set(pointer, name)
    this.#waiting.push({ name, schema: this.find(ref) })
    return name
  }
}

/** The steps of a JSON pointer in a fragment (RFC 6901, 6); undefined for another document or an anchor. */
function pathOf(ref: unknown): readonly string[] | undefined {
  if (ref === '#' || ref === '#/') return []
  if (typeof ref !== 'string' || !ref.startsWith('#/')) return undefined
  const steps = percentDecoded(ref.slice(2))?.split('/')
  return steps?.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

import { z } from 'zod'

const names = z.record(z.string(), z.string()).default({})
const Dependencies = z.looseObject({
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
  optionalPeers: z.array(z.string()).default([]),
})
// name@version, registry, what it needs, hash of its archive
const Entry = z.tuple([z.string(), z.string(), Dependencies, z.string()])
const Lockfile = z.looseObject({
  workspaces: z.looseObject({ '': Dependencies }),
  packages: z.record(z.string(), Entry),
})

/** A package that a lockfile names. */
export interface LockedPackage {
  /** Its place below `node_modules`: `elysia`, or `express/cookie` for a copy that only `express` uses. */
  readonly place: string
  readonly name: string
  readonly version: string
  /** SHA-512 of its archive in the registry, in hex. */
  readonly sha512: string
  /** The places of the packages that it needs. */
  readonly needs: readonly string[]
}

/** A `bun.lock`, read. */
export interface ReadLockfile {
  /** The places of what the program itself needs. */
  readonly roots: readonly string[]
  readonly packages: ReadonlyMap<string, LockedPackage>
}

/** @throws if the text is no `bun.lock` in a form that is known */
export function readLockfile(text: string): ReadLockfile {
  const { workspaces, packages } = Lockfile.parse(Bun.JSONC.parse(text))
  const places = new Set(Object.keys(packages))
  const read = Object.entries(packages).map(([place, [id, , needs, integrity]]): LockedPackage => {
    const at = id.lastIndexOf('@')
    return {
      place,
      name: id.slice(0, at),
      version: id.slice(at + 1),
      sha512: Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex'),
      needs: needed(needs).flatMap((name) => placeOf(name, place, places) ?? []),
    }
  })
  const own = workspaces['']
  return {
    roots: needed(own).flatMap((name) => placeOf(name, '', places) ?? []),
    packages: new Map(read.map((one) => [one.place, one])),
  }
}

/** Returns the packages that `roots` need, with those that these need, sorted. Packages for development are not among them. */
export function closure({ packages }: ReadLockfile, roots: readonly string[]): readonly LockedPackage[] {
  const found = new Map<string, LockedPackage>()
  const waiting = [...roots]
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const locked = packages.get(place)
    if (locked === undefined) throw new Error(`bun.lock has no package at ${place}.`)
    if (found.has(place)) continue
    found.set(place, locked)
    waiting.push(...locked.needs)
  }
  return [...found.values()].sort((one, other) => (one.place < other.place ? -1 : 1))
}

/** A peer is installed too, unless it is optional. */
function needed({ dependencies, optionalDependencies, peerDependencies, optionalPeers }: z.infer<typeof Dependencies>) {
  const peers = Object.keys(peerDependencies).filter((name) => !optionalPeers.includes(name))
  return [...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers]
}

/** As a module is looked up: beside the package, then above it. Undefined for a package of another platform. */
function placeOf(name: string, from: string, places: ReadonlySet<string>): string | undefined {
  const own = from === '' ? name : `${from}/${name}`
  if (places.has(own)) return own
  return from === '' ? undefined : placeOf(name, parentOf(from), places)
}

/** `a/@b/c` is below `a`, and `@b/c` below nothing. */
function parentOf(place: string): string {
  const parts = place.split('/')
  const length = parts.at(-2)?.startsWith('@') ? 2 : 1
  return parts.slice(0, -length).join('/')
}

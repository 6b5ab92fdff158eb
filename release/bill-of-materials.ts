import { createHash } from 'node:crypto'
import type { LockedPackage } from './lockfile.ts'

/** A file of the release. */
export interface ReleasedFile {
  readonly name: string
  readonly sha256: string
  /** The package whose Bun is in it, if it is an executable. */
  readonly runtime?: string
}

export interface Materials {
  readonly name: string
  readonly version: string
  readonly license: string
  /** When the source was committed; without it the bill has no time. */
  readonly committedAt?: Date
  readonly packages: readonly LockedPackage[]
  /** The places of the packages that the program itself needs. */
  readonly roots: readonly string[]
  /** The Bun of each platform. */
  readonly runtimes: readonly LockedPackage[]
  readonly files: readonly ReleasedFile[]
  /** The SPDX expression, or the words, with which a package names its license. */
  readonly licenseOf: (locked: LockedPackage) => string | undefined
}

/**
 * What the executables are made of, as CycloneDX 1.6. It is the same for the same source: its number is a hash of its
 * content, and its time that of the commit.
 * @see https://cyclonedx.org/docs/1.6/json/
 */
export function billOfMaterials(materials: Materials): object {
  const { name, version, license, committedAt, packages, roots, runtimes, files } = materials
  const content = {
    metadata: {
      ...(committedAt && { timestamp: committedAt.toISOString() }),
      lifecycles: [{ phase: 'build' }],
      component: { type: 'application', 'bom-ref': name, name, version, licenses: licenses(license) },
    },
    components: [
      ...packages.map((locked) => component(locked, materials)),
      ...runtimes.map((locked) => ({ ...component(locked, materials), type: 'platform' })),
      ...files.map(fileComponent),
    ],
    dependencies: [
      { ref: name, dependsOn: roots.flatMap((place) => refAt(place, packages)).sort() },
      ...packages.map((locked) => ({
        ref: ref(locked),
        dependsOn: locked.needs.flatMap((place) => refAt(place, packages)).sort(),
      })),
      ...files.map((file) => ({
        ref: file.name,
        dependsOn: [name, ...runtimes.filter((runtime) => runtime.name === file.runtime).map(ref)],
      })),
    ],
  }
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(content))}`
  return { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber, version: 1, ...content }
}

/** The address of a package in its registry, which is also its name within the bill. */
function ref({ name, version }: LockedPackage): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`
}

function refAt(place: string, packages: readonly LockedPackage[]): string[] {
  return packages.filter((locked) => locked.place === place).map(ref)
}

function component(locked: LockedPackage, { licenseOf }: Materials) {
  const license = licenseOf(locked)
  return {
    type: 'library',
    'bom-ref': ref(locked),
    name: locked.name,
    version: locked.version,
    hashes: [{ alg: 'SHA-512', content: locked.sha512 }],
    ...(license !== undefined && { licenses: licenses(license) }),
    purl: ref(locked),
  }
}

function fileComponent({ name, sha256 }: ReleasedFile) {
  return { type: 'file', 'bom-ref': name, name, hashes: [{ alg: 'SHA-256', content: sha256 }] }
}

function licenses(license: string) {
  if (/ (OR|AND|WITH) /.test(license)) return [{ expression: license }]
  return [{ license: /^[A-Za-z0-9.+-]+$/.test(license) ? { id: license } : { name: license } }]
}

/** A UUID of version 8, whose bits the maker chooses (RFC 9562, 5.8). */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}

import { closure, type LockedPackage, readLockfile } from './lockfile.ts'

/** The package whose prices are in the program as data. */
const shippedData = '@pydantic/genai-prices'

export interface ShippedPackages {
  readonly packages: readonly LockedPackage[]
  /** The places of those that the program itself needs. */
  readonly roots: readonly string[]
}

/** Returns what may be in the program, from the lockfile of the working folder. */
export async function shippedPackages(): Promise<ShippedPackages> {
  const lockfile = readLockfile(await Bun.file('bun.lock').text())
  const roots = [...lockfile.roots, shippedData]
  return { packages: closure(lockfile, roots), roots }
}

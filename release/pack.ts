/** `bun release/pack.ts FILE [NAME]`: only the package for npm, from the working folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import manifest from '../package.json'
import { notices } from './notices.ts'
import { packNpmPackage, writeNpmPackage } from './npm-package.ts'
import { shippedPackages } from './shipped-packages.ts'

const [file = `tributary-${manifest.version}.tgz`, name = manifest.name] = process.argv.slice(2)
const folder = await mkdtemp(join(tmpdir(), 'tributary-pack-'))
try {
  const { packages } = await shippedPackages()
  await writeNpmPackage({ folder, name, notices: await notices(packages) })
  await packNpmPackage(folder, resolve(file))
} finally {
  await rm(folder, { recursive: true, force: true })
}

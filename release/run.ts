/**
 * `bun run release [--only NAME,…] [--out FOLDER] [--npm-name NAME] [--order FILE]`: an executable for each platform, the package for npm,
 * the bill of materials, the licenses, and the SHA-256 of each file (docs/install.md).
 */
import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../package.json'
import { billOfMaterials, type ReleasedFile } from './bill-of-materials.ts'
import { compile, runBun } from './compile.ts'
import { closure, type LockedPackage, readLockfile } from './lockfile.ts'
import { isSignedAsItIs, signAdHoc } from './mach-o.ts'
import { makeFolder } from './make-folder.ts'
import { installedAt, notices } from './notices.ts'
import { packNpmPackage, writeNpmPackage } from './npm-package.ts'
import { recordOrder } from './record-order.ts'
import { shippedPackages } from './shipped-packages.ts'
import { type Target, targets } from './targets.ts'

const runtimesFolder = 'release/runtimes'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    out: { type: 'string', default: 'dist/release' },
    // the order of another release, whose bytes are to be made again
    order: { type: 'string', default: '' },
    'npm-name': { type: 'string', default: manifest.name },
  },
})
await release(values.out, values['npm-name'])

async function release(out: string, npmName: string): Promise<void> {
  const chosen = chosenTargets(values.only)
  // it may be the one in the folder, which is made anew
  const recorded = values.order === '' ? undefined : await Bun.file(values.order).text()
  await makeFolder(out)
  await buildExecutables({ out, chosen, recorded })
  const { packages, roots } = await shippedPackages()
  const licenses = await notices(packages)
  await Bun.write(join(out, 'THIRD-PARTY-NOTICES.txt'), licenses)
  await buildNpmPackage(out, npmName, licenses)
  const built = await filesIn(out, chosen)
  const bill = await billOf({ files: built, packages, roots })
  await Bun.write(join(out, `tributary-${manifest.version}.cdx.json`), `${JSON.stringify(bill, null, 2)}\n`)
  const sums = (await filesIn(out, chosen)).map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('')
  await Bun.write(join(out, 'SHA256SUMS'), sums)
  console.log(sums)
}

function chosenTargets(only: string): readonly Target[] {
  const wanted = only.split(',').filter((name) => name !== '')
  const unknown = wanted.filter((name) => !targets.some((target) => target.name === name))
  if (unknown.length > 0)
    throw new Error(
      `--only names ${unknown.join(', ')}. The platforms are ${targets.map(({ name }) => name).join(', ')}.`,
    )
  return wanted.length === 0 ? targets : targets.filter(({ name }) => wanted.includes(name))
}

interface Executables {
  readonly out: string
  readonly chosen: readonly Target[]
  /** The order of functions of another release. */
  readonly recorded: string | undefined
}

/** The functions that one start uses are the same on every platform, so the order is recorded once, here. */
async function buildExecutables({ out, chosen, recorded }: Executables): Promise<void> {
  await runBun(['install', '--frozen-lockfile', '--os=*', '--cpu=*'], runtimesFolder)
  const order = join(out, 'bytecode-order.txt')
  // it is a part of the release: which functions a run uses also depends on how busy its machine is
  if (recorded === undefined) await recordHere(order)
  else await Bun.write(order, recorded)
  for (const target of chosen) {
    const outfile = join(out, target.file)
    const binary = target.name.startsWith('windows') ? 'bun.exe' : 'bun'
    const runtime = join(runtimesFolder, 'node_modules', target.runtime, 'bin', binary)
    await compile({ outfile, order, target: { name: target.name, runtime } })
    await checkMagic(outfile, target)
    if (target.name.startsWith('darwin') && !(await isSignedAsItIs(outfile))) await signAdHoc(outfile)
  }
}

async function recordHere(order: string): Promise<void> {
  const host = `${order}.host`
  await compile({ outfile: host })
  await recordOrder(host, order)
  await rm(host)
}

async function checkMagic(path: string, { name, magic }: Target): Promise<void> {
  const begin = await Bun.file(path).slice(0, magic.length).bytes()
  if (!magic.every((byte, index) => begin[index] === byte)) throw new Error(`${path} is no executable of ${name}.`)
}

async function buildNpmPackage(out: string, name: string, licenses: string): Promise<void> {
  const folder = join(out, 'npm')
  await writeNpmPackage({ folder, name, notices: licenses })
  await packNpmPackage(folder, resolve(out, `tributary-${manifest.version}.tgz`))
  await rm(folder, { recursive: true })
}

async function filesIn(out: string, chosen: readonly Target[]): Promise<readonly ReleasedFile[]> {
  const names = (await readdir(out)).sort()
  return Promise.all(
    names.map(async (name) => {
      const runtime = chosen.find(({ file }) => file === name)?.runtime
      const sha256 = await sha256Of(join(out, name))
      return { name, sha256, ...(runtime !== undefined && { runtime }) }
    }),
  )
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of Bun.file(path).stream()) hash.update(bytes)
  return hash.digest('hex')
}

interface Parts {
  readonly files: readonly ReleasedFile[]
  readonly packages: readonly LockedPackage[]
  readonly roots: readonly string[]
}

async function billOf(parts: Parts): Promise<object> {
  const { name, version, license } = manifest
  const locked = readLockfile(await Bun.file(join(runtimesFolder, 'bun.lock')).text())
  const licenses = new Map(
    await Promise.all(parts.packages.map(async (one) => [one.place, await licenseOf(one)] as const)),
  )
  const committedAt = commitTime()
  return billOfMaterials({
    ...parts,
    ...(committedAt && { committedAt }),
    name,
    version,
    license,
    runtimes: closure(locked, locked.roots),
    // Bun's packages say so in their own manifests
    licenseOf: ({ place }) => licenses.get(place) ?? 'MIT',
  })
}

async function licenseOf(locked: LockedPackage): Promise<string | undefined> {
  const { license } = await Bun.file(join(installedAt(locked), 'package.json')).json()
  return typeof license === 'string' ? license : undefined
}

/** The time of the commit, or what `SOURCE_DATE_EPOCH` says in a tree without git (reproducible-builds.org). */
function commitTime(): Date | undefined {
  const asked = Bun.spawnSync(['git', 'log', '-1', '--format=%ct'], { stdout: 'pipe', stderr: 'ignore' })
  const seconds = process.env.SOURCE_DATE_EPOCH ?? asked.stdout.toString().trim()
  return /^\d+$/.test(seconds) ? new Date(Number(seconds) * 1000) : undefined
}

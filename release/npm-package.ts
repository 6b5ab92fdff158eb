import { chmod, cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import manifest from '../package.json'
import { defines, runBun } from './compile.ts'

/** The packages that have the Bun in which the program runs; npm installs that of the machine. */
const runtimes = [
  'bun-linux-x64',
  'bun-linux-aarch64',
  'bun-linux-x64-musl',
  'bun-linux-aarch64-musl',
  'bun-darwin-aarch64',
  'bun-darwin-x64',
  'bun-windows-x64',
  'bun-windows-aarch64',
]

export interface NpmPackage {
  /** A folder that holds nothing else; it is made anew. */
  readonly folder: string
  /** The name in the registry. */
  readonly name: string
  readonly notices: string
}

/** Writes the package for the npm registry: the program as JavaScript, and a launcher that finds the Bun for it. */
export async function writeNpmPackage({ folder, name, notices }: NpmPackage): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'bin'), { recursive: true })
  await bundle(join(folder, 'lib'))
  await cp('release/npm/launch.js', join(folder, 'bin/tributary.js'))
  await chmod(join(folder, 'bin/tributary.js'), 0o755)
  const readme = (await Bun.file('release/npm/README.md').text()).replaceAll(/(npx|bunx) tributary/g, `$1 ${name}`)
  await Bun.write(join(folder, 'README.md'), readme)
  await cp('LICENSE', join(folder, 'LICENSE'))
  await Bun.write(join(folder, 'THIRD-PARTY-NOTICES.txt'), notices)
  await Bun.write(
    join(folder, 'lib/no-settings.toml'),
    '# Empty: the launcher names it, so that Bun reads no other settings.\n',
  )
  await Bun.write(join(folder, 'package.json'), `${JSON.stringify(npmManifest(name), null, 2)}\n`)
}

/** Packs the folder as `npm publish` does. @param tarball path of the file */
export async function packNpmPackage(folder: string, tarball: string): Promise<void> {
  await runBun(['pm', 'pack', '--quiet', '--ignore-scripts', '--filename', tarball], folder)
}

/** What the registry reads. It has no entry for programs that import it, because there is nothing to import. */
export function npmManifest(name: string) {
  const { version, description, license, engines } = manifest
  return {
    name,
    version,
    description,
    keywords: ['llm', 'gateway', 'proxy', 'openai', 'anthropic', 'self-hosted'],
    license,
    type: 'module',
    exports: {},
    bin: { tributary: 'bin/tributary.js' },
    files: ['bin', 'lib', 'THIRD-PARTY-NOTICES.txt'],
    // the launcher's; the program runs in the Bun below
    engines: { node: '>=18' },
    optionalDependencies: Object.fromEntries(runtimes.map((runtime) => [`@oven/${runtime}`, engines.bun])),
  }
}

/** Names stay as they are, so that a stack of calls can be read without source maps, which are larger than the program. */
async function bundle(outdir: string): Promise<void> {
  const flags = ['--target=bun', '--format=esm', '--splitting', '--minify-whitespace', '--minify-syntax']
  const environment = '--define=process.env.NODE_ENV="production"'
  await runBun(['build', ...flags, environment, ...defines, 'src/main.ts', '--outdir', outdir])
}

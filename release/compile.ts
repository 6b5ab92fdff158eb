import { rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** The platform that an executable is made for. */
export interface CompileTarget {
  /** What Bun calls it, without `bun-` in front. */
  readonly name: string
  /** The Bun that becomes a part of the executable. */
  readonly runtime: string
}

export interface Compilation {
  readonly outfile: string
  /** An order of functions; without it their bytecode lies in the order of the source. */
  readonly order?: string
  /** The default is the platform of this process. */
  readonly target?: CompileTarget
}

const flags = [
  '--compile',
  '--minify',
  '--bytecode',
  '--format=esm',
  '--sourcemap',
  '--splitting',
  '--production',
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  // functions of the start are not worth compiling; `serve` sets the usual policy when it listens
  '--compile-jit-policy=8',
]

/**
 * What the bundler puts in place of names. A CommonJS package that asks for its folder would get that of the machine that
 * builds, so that each folder made another executable (docs/decisions/0106-releases.md).
 */
export const defines: readonly string[] = ['--define=__dirname="/"']

/** Compiles the program in the working folder. Equal sources make equal bytes, whatever the file's name and folder. */
export async function compile({ outfile, order, target }: Compilation): Promise<void> {
  const folder = join(dirname(outfile), `.compile-${basename(outfile)}`)
  await runBun([
    'build',
    ...flags,
    ...defines,
    ...(order === undefined ? [] : [`--bytecode-order=${order}`]),
    ...(target === undefined ? [] : [`--target=bun-${target.name}`, `--compile-executable-path=${target.runtime}`]),
    'src/main.ts',
    '--outfile',
    // its name is inside the executable, and Bun adds `.exe` for Windows
    join(folder, 'tributary'),
  ])
  const isWindows = target?.name.startsWith('windows') ?? process.platform === 'win32'
  await rename(join(folder, isWindows ? 'tributary.exe' : 'tributary'), outfile)
  // the source maps that lie beside it are inside the executable too
  await rm(folder, { recursive: true })
}

/** Runs this Bun in the working folder. @throws if it fails, with what it has said */
export async function runBun(args: readonly string[], cwd = '.'): Promise<void> {
  const child = Bun.spawn([process.execPath, ...args], { cwd, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [code, ...said] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()])
  if (code !== 0) throw new Error(`bun ${args.join(' ')} ended with ${code}: ${said.join('')}`)
}

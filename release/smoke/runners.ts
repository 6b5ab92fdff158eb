import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Runner } from './smoke.ts'

/** A processor of 2008: it has SSE 4.2, and no AVX. */
export const oldProcessor = ['qemu-x86_64-static', '-cpu', 'Nehalem']

const native: Runner = { emulator: [], environment: {} }

/**
 * How each Linux executable is run here. On a Debian machine with x64, `release/smoke/sysroots.sh` brings what the others need.
 * @param roots the folder that the script has filled
 * @returns undefined for what cannot be run here
 */
export function runnerOf(target: string, roots: string): Runner | undefined {
  if (target === `linux-${process.arch}`) return native
  if (target === 'linux-x64-baseline') return withEmulator(oldProcessor)
  if (target === 'linux-arm64') return withEmulator(['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'])
  if (target === 'linux-x64-musl') return withLibraries(join(roots, 'musl-x64'))
  if (target === 'linux-arm64-musl') return emulatedMusl(join(roots, 'musl-arm64'))
  return undefined
}

function withEmulator(emulator: readonly string[]): Runner | undefined {
  return Bun.which(emulator[0] ?? '') === null ? undefined : { emulator, environment: {} }
}

/** The loader of musl finds the C++ library by these variables. */
function withLibraries(root: string): Runner | undefined {
  if (!existsSync(root)) return undefined
  const lib = join(root, 'lib')
  return { emulator: [], environment: { LD_LIBRARY_PATH: lib, LD_PRELOAD: join(lib, 'libnewer.so') } }
}

/** The variables are only for the program within the emulator. */
function emulatedMusl(root: string): Runner | undefined {
  const libraries = withLibraries(root)
  if (libraries === undefined) return undefined
  const set = Object.entries(libraries.environment).flatMap(([name, value]) => ['-E', `${name}=${value}`])
  return withEmulator(['qemu-aarch64-static', '-L', root, ...set])
}

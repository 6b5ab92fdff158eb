/** A platform of the releases. */
export interface Target {
  /** The name that Bun gives it, and the end of the file's name. */
  readonly name: string
  /** The package of the npm registry that has its Bun; `release/runtimes/bun.lock` has its hash. */
  readonly runtime: string
  readonly file: string
  /** How a file of the platform begins. */
  readonly magic: readonly number[]
  /** The machines that it is for, in words. */
  readonly machines: string
}

const elf = [0x7f, 0x45, 0x4c, 0x46, 2, 1]
const machO = [0xcf, 0xfa, 0xed, 0xfe]
const portableExecutable = [0x4d, 0x5a]

export const targets: readonly Target[] = [
  elfTarget('linux-x64', 'bun-linux-x64', 'Linux with glibc, Intel and AMD'),
  elfTarget('linux-x64-baseline', 'bun-linux-x64-baseline', 'the same, also without AVX'),
  elfTarget('linux-arm64', 'bun-linux-aarch64', 'Linux with glibc, 64-bit ARM'),
  elfTarget('linux-x64-musl', 'bun-linux-x64-musl', 'Alpine and others with musl, Intel and AMD'),
  elfTarget('linux-arm64-musl', 'bun-linux-aarch64-musl', 'Alpine and others with musl, 64-bit ARM'),
  { ...target('darwin-arm64', 'bun-darwin-aarch64', 'macOS, Apple silicon'), magic: machO },
  { ...target('darwin-x64', 'bun-darwin-x64', 'macOS, Intel'), magic: machO },
  {
    ...target('windows-x64', 'bun-windows-x64', 'Windows, Intel and AMD'),
    file: 'tributary-windows-x64.exe',
    magic: portableExecutable,
  },
]

function elfTarget(name: string, runtime: string, machines: string): Target {
  return { ...target(name, runtime, machines), magic: elf }
}

function target(name: string, runtime: string, machines: string): Omit<Target, 'magic'> {
  return { name, runtime: `@oven/${runtime}`, file: `tributary-${name}`, machines }
}

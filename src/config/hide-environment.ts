import { dlopen, toArrayBuffer } from 'bun:ffi'
import { readFileSync } from 'node:fs'
import { redact } from '../chat/secret.ts'
import { secretNames } from './read-tool-variable.ts'

/** Variables that the runtime reads again and again from the environment that it was started with. */
const neededByRuntime = /^(PATH|HOME|TMPDIR|BUN_.*|NODE_EXTRA_CA_CERTS|SSL_CERT_.*|(HTTPS?|ALL|NO)_PROXY)$/i

/** linux/prctl.h */
const setDumpable = 4
/** The fields of `/proc/PID/stat` with the addresses of the environment's beginning and end. proc(5) */
const startField = 50
const endField = 51

/**
 * Hides this process's environment from the processes that it starts, on Linux, where `/proc/PID/environ` shows it.
 * The secrets in that block are overwritten, so that not even root can read them there. The process is made
 * undumpable, so that no other process of its user can read its memory or files, or attach a debugger. The copies
 * that the program itself uses stay. On other systems this does nothing (docs/decisions/0026-hidden-environment.md).
 * @returns why a part failed; undefined if everything succeeded
 */
export function hideEnvironment(): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    overwriteSecrets()
    return makeUndumpable() ? undefined : 'the system refused it'
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown)
  }
}

function overwriteSecrets(): void {
  // the runtime's strings may point into the block, so they are replaced by copies
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) process.env[name] = value
  const [start = 0, end = 0] = blockAddresses()
  if (start === 0 || end <= start) return
  const block = Buffer.from(toArrayBuffer(start, 0, end - start))
  for (let at = 0; at < block.length; ) {
    const next = block.indexOf(0, at)
    const entryEnd = next === -1 ? block.length : next
    const equals = block.indexOf('=', at)
    if (equals !== -1 && equals < entryEnd) {
      const name = block.toString('utf8', at, equals)
      if (isSecret(name, block.toString('utf8', equals + 1, entryEnd))) block.fill('x', equals + 1, entryEnd)
    }
    at = entryEnd + 1
  }
}

function isSecret(name: string, value: string): boolean {
  return !neededByRuntime.test(name) && (name === 'MCP_SERVERS' || secretNames.test(name) || redact(value) !== value)
}

/** The addresses of the block. The second field, a name in parentheses, may contain blanks. */
function blockAddresses(): readonly number[] {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return [startField, endField].map((field) => Number(fields[field - 3] ?? 0))
}

/** The names of the C library: glibc's and musl's. */
const libraries = ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`]

function makeUndumpable(): boolean {
  const call = { prctl: { args: ['int', 'u64', 'u64', 'u64', 'u64'], returns: 'int' } } as const
  for (const [at, name] of libraries.entries()) {
    try {
      return dlopen(name, call).symbols.prctl(setDumpable, 0, 0, 0, 0) === 0
    } catch (thrown) {
      if (at === libraries.length - 1) throw thrown
    }
  }
  return false
}

import { createHash } from 'node:crypto'

/**
 * OpenAI takes no longer name of a function: `^[a-zA-Z0-9_-]{1,64}$`. Others want its first character to be a letter or an
 * underscore (Gemini, function declarations), or have it so in a grammar.
 */
const maxLength = 64
const maxServerLength = 24

/** The name of the server whose tools the program has itself. */
export const builtinServer = 'builtin'

/**
 * A server's name as it stands in the names of its tools. It begins with a letter, or with an underscore before what is
 * none; it holds no `__` and ends in no `_`, so a qualified name has one reading: up to its first `__`.
 */
export function serverAlias(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9-]+/g, '_').replace(/^_+|_+$/g, '')
  const length = maxServerLength - 1
  const alias = plain === name && name.length <= length ? name : withHash(plain, name, length)
  return /^[A-Za-z]/.test(alias) ? alias : `_${alias}`
}

/**
 * `server__tool`. A tool's name that has other characters, or that is too long, is told from all others by a hash of it:
 * so the name is the same whatever else there is, and in whatever order.
 */
export function qualifiedName(server: string, tool: string): string {
  const prefix = `${serverAlias(server)}__`
  const plain = tool.replace(/[^A-Za-z0-9_-]/g, '_')
  const room = maxLength - prefix.length
  return prefix + (plain === tool && tool !== '' && tool.length <= room ? tool : withHash(plain, tool, room))
}

const hashLength = 8

function withHash(plain: string, original: string, length: number): string {
  const hash = createHash('sha256').update(original).digest('hex').slice(0, hashLength)
  return `${plain.slice(0, length - hashLength - 1)}${plain === '' ? '' : '_'}${hash}`.replace(/__+/g, '_')
}

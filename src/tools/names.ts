/**
 * OpenAI's limit for a function's name: `^[a-zA-Z0-9_-]{1,64}$`. Other APIs require a letter or an underscore first (Gemini,
 * function declarations).
 */
const maxLength = 64
const maxServerLength = 24

/** The server name of the program's own tools. */
export const builtinServer = 'builtin'

/**
 * A server's name within the names of its tools. It begins with a letter; an underscore is put before any other character.
 * It contains no `__` and does not end in `_`, so that the server of a qualified name ends at its first `__`.
 */
export function serverAlias(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9-]+/g, '_').replace(/^_+|_+$/g, '')
  const length = maxServerLength - 1
  const alias = plain === name && name.length <= length ? name : withHash(plain, name, length)
  return /^[A-Za-z]/.test(alias) ? alias : `_${alias}`
}

/**
 * Makes `server__tool`. If the tool's name has other characters or is too long, a hash of it is added, so that the name
 * differs from all others and does not depend on the other tools or their order.
 */
export function qualifiedName(server: string, tool: string): string {
  const prefix = `${serverAlias(server)}__`
  const plain = tool.replace(/[^A-Za-z0-9_-]/g, '_')
  const room = maxLength - prefix.length
  return prefix + (plain === tool && tool !== '' && tool.length <= room ? tool : withHash(plain, tool, room))
}

const hashLength = 8

function withHash(plain: string, original: string, length: number): string {
  const hash = new Bun.CryptoHasher('sha256').update(original).digest('hex').slice(0, hashLength)
  return `${plain.slice(0, length - hashLength - 1)}${plain === '' ? '' : '_'}${hash}`.replace(/__+/g, '_')
}

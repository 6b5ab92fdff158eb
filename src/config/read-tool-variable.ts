import { Secret } from '../chat/secret.ts'

/** Names of variables that probably hold a secret. */
export const secretNames = /key|token|secret|auth|pass|pwd|cred|cookie|session|signature|salt|pin\b|pat$|dsn/i

/**
 * Reads a variable of an MCP server's process. Any value that may be a secret becomes a `Secret`, and is cut out of
 * every text. A folder, a host or a mode (`production`) does not become one, because the server's tools mention it,
 * and the model needs to read it.
 */
export function toolVariable(name: string, value: string): Secret | string {
  return secretNames.test(name) || !isOrdinary(value) ? new Secret(value) : value
}

/** Matches `documents`, `myDocuments`, `UTC`, `8443`, `v2`. */
const ordinaryWord = /^((?:[A-Z]?[a-z]+|[A-Z]+){0,3}|\d{1,8}|[A-Za-z]{1,6}\d{1,3})$/

/**
 * Whether a value only has words and short numbers, as paths, hosts, versions and modes do. A random key has other
 * parts.
 */
function isOrdinary(value: string): boolean {
  // an address with a user or a query may contain a password
  if (value.length > 256 || /@|\?/.test(value)) return false
  return value.split(/[^A-Za-z0-9]+/).every((word) => word.length <= 20 && ordinaryWord.test(word))
}

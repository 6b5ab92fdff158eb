import { Secret } from '../chat/secret.ts'

/** Of variables that hold a secret, as far as a name can tell. */
export const secretNames = /key|token|secret|auth|pass|pwd|cred|cookie|session|signature|salt|pin\b|pat$|dsn/i

/**
 * A variable of an MCP server's process. Whatever may be a secret is one, and is cut out of every text; but a folder, a
 * host, a mode (`production`) is what the server's tools talk about, and a model needs to read it.
 */
export function toolVariable(name: string, value: string): Secret | string {
  return secretNames.test(name) || !isOrdinary(value) ? new Secret(value) : value
}

/** `documents`, `myDocuments`, `UTC`, `8443`, `v2`. */
const ordinaryWord = /^((?:[A-Z]?[a-z]+|[A-Z]+){0,3}|\d{1,8}|[A-Za-z]{1,6}\d{1,3})$/

/** Words and short numbers, as paths, hosts, versions and modes are made of: nothing that was drawn at random. */
function isOrdinary(value: string): boolean {
  // an address with a user or a query may hold a password
  if (value.length > 256 || /@|\?/.test(value)) return false
  return value.split(/[^A-Za-z0-9]+/).every((word) => word.length <= 20 && ordinaryWord.test(word))
}

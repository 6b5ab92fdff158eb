import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const sumForm = /^[0-9a-f]{64}$/i

/**
 * Finds the SHA-256 sum that a file must have: the one that the operator gives, or that of `FILE.sha256` or `SHA256SUMS` beside it.
 * @returns the sum in lower case, or a sentence about the problem
 */
export function expectedSum(file: string, given: string | undefined): { readonly sum: string } | string {
  if (given !== undefined)
    return sumForm.test(given)
      ? { sum: given.toLowerCase() }
      : '--sha256 needs the 64 hexadecimal digits of a SHA-256 sum.'
  const lists = [`${file}.sha256`, join(dirname(file), 'SHA256SUMS')].filter((list) => existsSync(list))
  for (const list of lists) {
    const sum = sumIn(readFileSync(list, 'utf8'), basename(file))
    if (sum !== undefined) return { sum }
  }
  const where =
    lists.length === 0 ? 'There is neither' : `${lists.join(' and ')} does not name the file, and there is no other`
  return `${where} ${file}.sha256 nor a SHA256SUMS beside it, so the file cannot be checked. Download the sums of the release to the same folder, or give the sum with --sha256.`
}

/** Reads lines of `sha256sum`: a sum, a blank, a blank or a star, the name. A sum alone is a line too. */
function sumIn(text: string, name: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, sum = '', named] = /^([0-9a-f]{64})(?:\s+\*?(\S.*?))?\s*$/i.exec(line) ?? []
    if (sum !== '' && (named === undefined || basename(named) === name)) return sum.toLowerCase()
  }
  return undefined
}

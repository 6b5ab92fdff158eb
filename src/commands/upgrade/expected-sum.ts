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
    const sums = sumsIn(readFileSync(list, 'utf8'), basename(file))
    if (sums.size > 1) return `${list} has several sums for ${basename(file)}. Give the right one with --sha256.`
    for (const sum of sums) return { sum }
  }
  const where =
    lists.length === 0 ? 'There is neither' : `${lists.join(' and ')} does not name the file, and there is no other`
  return `${where} ${file}.sha256 nor a SHA256SUMS beside it, so the file cannot be checked. Download the sums of the release to the same folder, or give the sum with --sha256.`
}

/**
 * Reads lines of `sha256sum`: a sum, a blank, a blank or a star, the name; or of `sha256sum --tag`. A sum alone, as the whole
 * text, is that of the file.
 */
function sumsIn(text: string, name: string): ReadonlySet<string> {
  const lines = text
    .replace(/^\ufeff/, '')
    .trim()
    .split(/\r?\n/)
  const only = lines.length === 1 ? name : ''
  const found = lines.flatMap((line) => {
    const tagged = /^SHA256 \((?<named>.+)\) = (?<sum>[0-9a-f]{64})\s*$/i.exec(line)
    const { sum, named = only } =
      (tagged ?? /^(?<sum>[0-9a-f]{64})(?:\s+\*?(?<named>\S.*?))?\s*$/i.exec(line))?.groups ?? {}
    return sum !== undefined && basename(named) === name ? [sum.toLowerCase()] : []
  })
  return new Set(found)
}

import { Secret } from '../chat/secret.ts'
import type { Problem } from '../providers/provider.ts'

type Headers = Readonly<Record<string, string>>

/** Headers that the gateway writes itself, about the request and its connection; the operator may not set them. */
const ours =
  /^(host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|keep-alive|accept.*|x-tributary-.*)$/

/**
 * Reads the headers that each request to a service has beside the key. They are written as `Name: value`, one
 * per line or separated by `;`, or as JSON, in which a value may contain a `;`.
 * @returns the headers, with their names in small letters; or what is wrong with the text
 */
export function readHeaders(
  text: string,
): { readonly headers: Headers } | { readonly wrong: Omit<Problem, 'variable'> } {
  const pairs = text.startsWith('{') ? pairsInJson(text) : text.split(/[;\n]/).flatMap(pairIn)
  const wrong = pairs?.find(([header, value]) => !isHeader(header, value))
  if (!pairs || wrong) return { wrong: fault }
  for (const [header, value] of pairs) if (/auth|key|token|secret|cookie/i.test(header)) keepSecret(value)
  return { headers: Object.fromEntries(pairs.map(([header, value]) => [header.toLowerCase(), value])) }
}

const fault = {
  problem: 'has an item that is not `Name: value`, or a header that is already set',
  remedy: 'for example X-Title: my lab; HTTP-Referer: https://lab.example',
}

/** Makes a value a secret, which is cut out of every text. Its last word (the key in `Bearer …`) is a secret too. */
function keepSecret(value: string): void {
  new Secret(value)
  new Secret(value.split(' ').at(-1) ?? value)
}

type Pair = readonly [header: string, value: string]

function pairIn(text: string): Pair[] {
  if (text.trim() === '') return []
  const colon = text.indexOf(':')
  return colon === -1 ? [['', '']] : [[text.slice(0, colon).trim(), text.slice(colon + 1).trim()]]
}

/** @returns undefined if the text is not a JSON object */
function pairsInJson(text: string): Pair[] | undefined {
  try {
    return Object.entries<unknown>(JSON.parse(text)).map(([header, value]) => [header, String(value)])
  } catch {
    return undefined
  }
}

function isHeader(header: string, value: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(header) && /^[\x20-\x7e]+$/.test(value) && !ours.test(header.toLowerCase())
}

import { asChatError } from '../chat/error.ts'
import { Secret } from '../chat/secret.ts'
import { hashOf, type NamedKey, readKey } from '../keys/named-key.ts'
import type { Environment } from './environment.ts'
import { type ReportProblem, readGuardedFile } from './read-guarded-file.ts'

const variable = 'API_KEYS_FILE'
const keysFile = {
  maxMib: 16,
  unreadable: ['names a file that cannot be read', 'check the path and its permissions'],
} as const
const example = '{"keys": [{"name": "phone", "hash": "…", "rpm": 20}]}'

/** Reads the client keys of `API_KEYS_FILE`, which is JSON or YAML. @param others keys that are set elsewhere */
export function readClientKeys(environment: Environment, others: readonly Secret[]): readonly NamedKey[] {
  const report: ReportProblem = (problem, remedy) => environment.report({ variable, problem, remedy })
  const path = environment.text(variable)
  const text = path === undefined ? undefined : readGuardedFile(path, keysFile, report)
  if (text === undefined) return []
  environment.noteFile(variable, text)
  const items = itemsOf(text)
  if (!items) {
    report('names a file that has no list of keys', `for example ${example}, also as YAML`)
    return []
  }
  const keys = items.flatMap((item, at) => readItem(item, at, report))
  const hashes = new Set(others.map((secret) => hashOf(secret.reveal())))
  const names = new Set<string>()
  for (const { name, hash } of keys) {
    if (names.has(name)) report(`has two keys with the name "${name}"`, 'give each its own name')
    if (hashes.has(hash)) report(`has the key "${name}" twice, or in API_MASTER_KEY too`, 'make another key')
    names.add(name)
    hashes.add(hash)
  }
  return keys
}

/** JSON is YAML too. */
function itemsOf(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = Bun.YAML.parse(text)
    const isObject = typeof value === 'object' && value !== null && 'keys' in value
    return isObject && Array.isArray(value.keys) ? value.keys : undefined
  } catch {
    return undefined
  }
}

function readItem(item: unknown, at: number, report: ReportProblem): readonly NamedKey[] {
  const place = `has a problem in its key number ${at + 1}`
  try {
    const { settings, key, hash } = readKey(item)
    // so that it is cut out of texts, as every secret is
    if (key !== undefined) new Secret(key)
    if (key !== undefined && hash === undefined) return [{ ...settings, hash: hashOf(key) }]
    if (key === undefined && hash !== undefined) return [{ ...settings, hash }]
    report(`${place}: "${settings.name}" must have either "key" or "hash"`, `for example ${example}`)
  } catch (thrown) {
    report(`${place}: ${asChatError(thrown).message.replace(/\.$/, '')}`, 'see docs/keys.md')
  }
  return []
}

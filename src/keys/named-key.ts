import { type Caller, type CallerLimits, type HashedKey, hashedCallerId } from '../chat/caller.ts'
import { ChatError } from '../chat/error.ts'
import { compilePatterns } from '../chat/model-patterns.ts'
import { readBudget, writeBudget } from './budget.ts'
import { readExpiry } from './expiry.ts'

/** What is set for a key, in the form of files, of the store and of the admin API. */
export interface KeySettings {
  readonly name: string
  /** Patterns of the models that it may use; all if absent. */
  readonly models?: readonly string[]
  readonly rpm?: number
  readonly tpm?: number
  readonly concurrent?: number
  readonly budget?: string
  /** A date, whose end is meant, or a time. */
  readonly expires?: string
  readonly role: 'user' | 'admin'
  readonly owner?: string
}

/** A client key with a name. */
export interface NamedKey extends KeySettings {
  /** The SHA-256 of the key, in hexadecimal digits. */
  readonly hash: string
  /** The time it was made; absent for a key of a file. */
  readonly created?: string
}

/** How each member is read; undefined if its value is wrong. */
const text = (value: unknown) => (typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined)
const count = (value: unknown) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
const nameForm = /^[A-Za-z0-9][\w.@+-]{0,63}$/

function nameIn(value: unknown): string | undefined {
  return typeof value === 'string' && nameForm.test(value) ? value : undefined
}

function patternsIn(value: unknown): readonly string[] | undefined {
  const items: readonly unknown[] = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : []
  const patterns = items.map((item) => (typeof item === 'string' ? item.trim() : '')).filter((item) => item !== '')
  return patterns.length > 0 && patterns.length === items.length && patterns.length <= maxPatterns
    ? patterns
    : undefined
}

function budgetIn(value: unknown): string | undefined {
  const budget = typeof value === 'string' ? readBudget(value) : undefined
  return budget && writeBudget(budget)
}

function dateIn(value: unknown): string | undefined {
  // YAML has dates of its own
  const written = value instanceof Date ? value.toISOString() : value
  return typeof written === 'string' && readExpiry(written) !== undefined ? written.trim() : undefined
}

function roleIn(value: unknown): 'user' | 'admin' | undefined {
  return value === 'user' || value === 'admin' ? value : undefined
}

function hashIn(value: unknown): string | undefined {
  return typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value) ? value.toLowerCase() : undefined
}

const maxPatterns = 1_000
const wanted = {
  name: 'must be 1 to 64 letters, digits and . _ @ + -, and begin with a letter or digit',
  models: 'must be a list of patterns, such as ["openai/*", "*mini*"]',
  rpm: 'must be a whole number over 0',
  tpm: 'must be a whole number over 0',
  concurrent: 'must be a whole number over 0',
  budget: 'must be an amount, such as "1000000 tokens/day", "5 USD/month" or "20 USD"',
  expires: 'must be a date, such as "2027-01-31", or a time, such as "2027-01-31T12:00:00Z"',
  role: 'must be "user" or "admin"',
  owner: 'must be a text',
  hash: 'must be the SHA-256 of the key, in 64 hexadecimal digits',
  key: 'must be a text without white space, of at least 16 characters',
} as const

type KeyMember = keyof typeof wanted
/** The members of a key, unread. */
export type KeyMembers = Readonly<Record<string, unknown>>

/** The settings of a key, and how it is given. */
export interface SentKey {
  readonly settings: KeySettings
  readonly key?: string
  readonly hash?: string
}

/** @throws ChatError `invalid-request` unless it is an object */
export function membersIn(value: unknown): KeyMembers {
  if (isMembers(value)) return value
  throw fault('a key', 'must be an object')
}

/** Reads a key. A member that is null counts as absent. @throws ChatError `invalid-request` that names the member */
export function readKey(value: unknown): SentKey {
  const members = membersIn(value)
  const unknown = Object.keys(members).find((member) => !Object.hasOwn(wanted, member))
  if (unknown !== undefined) throw fault(unknown, `is none of ${Object.keys(wanted).join(', ')}`)
  const settings: KeySettings = {
    name: optional(members, 'name', nameIn).name ?? raise('name'),
    ...optional(members, 'models', patternsIn),
    ...optional(members, 'rpm', count),
    ...optional(members, 'tpm', count),
    ...optional(members, 'concurrent', count),
    ...optional(members, 'budget', budgetIn),
    ...optional(members, 'expires', dateIn),
    role: optional(members, 'role', roleIn).role ?? 'user',
    ...optional(members, 'owner', text),
  }
  return { settings, ...optional(members, 'key', keyIn), ...optional(members, 'hash', hashIn) }
}

function keyIn(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]{16,512}$/.test(value) ? value : undefined
}

function optional<Name extends KeyMember, Value>(
  members: KeyMembers,
  name: Name,
  read: (value: unknown) => Value | undefined,
): { readonly [member in Name]?: Value } {
  const value = members[name]
  if (value === undefined || value === null) return {}
  const found = read(value)
  if (found === undefined) throw raise(name)
  const entry: { [member in Name]?: Value } = {}
  entry[name] = found
  return entry
}

function raise(name: KeyMember): never {
  throw fault(name, wanted[name])
}

function fault(member: string, problem: string): ChatError {
  return new ChatError('invalid-request', { message: `"${member}" ${problem}.`, param: member, code: 'invalid_value' })
}

export function isMembers(value: unknown): value is KeyMembers {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns what the door knows of a key. */
export function hashedKeyOf({ hash, name, role, models, expires, ...limits }: NamedKey): HashedKey {
  const caller: Caller = {
    id: hashedCallerId(hash),
    name,
    role: role === 'admin' ? 'admin' : 'client',
    ...(models && { mayUse: compilePatterns(models) }),
    ...limitsOf(limits),
  }
  const expiresAt = expires === undefined ? undefined : readExpiry(expires)
  return { hash, caller, ...(expiresAt !== undefined && { expiresAt }) }
}

function limitsOf({
  rpm,
  tpm,
  concurrent,
  budget: amount,
}: Pick<KeySettings, 'rpm' | 'tpm' | 'concurrent' | 'budget'>): { readonly limits?: CallerLimits } {
  const budget = amount === undefined ? undefined : readBudget(amount)
  const limits: CallerLimits = {
    ...(rpm !== undefined && { rpm }),
    ...(tpm !== undefined && { tpm }),
    ...(concurrent !== undefined && { concurrent }),
    ...(budget && { budget }),
  }
  return Object.keys(limits).length > 0 ? { limits } : {}
}

/** The hash under which a key is known. */
export function hashOf(key: string): string {
  return new Bun.CryptoHasher('sha256').update(key).digest('hex')
}

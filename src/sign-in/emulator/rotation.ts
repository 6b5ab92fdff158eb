import { randomBytes } from 'node:crypto'
import type { Runtime } from '../../flow/runtime.ts'

/**
 * Which replaced tokens are accepted once more.
 *
 * - `documented`: the parent of the active token is accepted at any time, and any other token for a short time
 *   (supabase.com/docs, sessions).
 * - `strict`: only the parent is accepted, and only for a short time (supabase/auth PR 466).
 * - `v2`: the parent is accepted at any time, and any other token for a short time (PR 2216).
 */
export type RotationRule = 'documented' | 'strict' | 'v2'

export interface RotationOptions {
  readonly rule: RotationRule
  /** Milliseconds for which a replaced token is accepted once more. */
  readonly reuseIntervalMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Makes tokens and ids; by default they are unpredictable. */
  readonly source?: TokenSource
}

export type TokenSource = Pick<Runtime, 'randomBytes' | 'newId'>

/** Tokens that nobody can predict. */
export const unpredictable: TokenSource = { randomBytes, newId: () => crypto.randomUUID() }

/** All refresh tokens that came from one sign-in. */
export interface TokenFamily {
  readonly userId: string
  readonly sessionId: string
  /** Undefined after the family was revoked. */
  active: string | undefined
  /** The code with which its tokens are refused, if its session has ended. */
  endedBy?: string
}

interface FamilyToken {
  readonly family: TokenFamily
  readonly parent: string | undefined
  /** Its position in the family, counted from 0. */
  readonly counter: number
  replacedAt?: number
}

/** The outcome of a refresh: the family with the token that is active now, or the code of the refusal. */
export type RotationOutcome = TokenFamily | string

/**
 * Replaces refresh tokens as supabase/auth does: each token is used once. A token that is used again ends its family,
 * unless the rule accepts it.
 */
export class EmulatedRotation {
  readonly #options: RotationOptions
  readonly #source: TokenSource
  readonly #tokens = new Map<string, FamilyToken>()

  constructor(options: RotationOptions) {
    this.#options = options
    this.#source = options.source ?? unpredictable
  }

  begin(userId: string): TokenFamily {
    const family: TokenFamily = { userId, sessionId: this.#source.newId(), active: undefined }
    this.#replace(family, undefined)
    return family
  }

  families(): readonly TokenFamily[] {
    return [...new Set([...this.#tokens.values()].map(({ family }) => family))]
  }

  rotate(token: string): RotationOutcome {
    if (token.length < 12) return 'validation_failed'
    const member = this.#tokens.get(token)
    if (!member) return 'refresh_token_not_found'
    const { family } = member
    if (family.endedBy) return family.endedBy
    if (token === family.active) return this.#replace(family, token)
    const again = this.#again(token, member)
    if (again === 'same') return family
    if (again === 'next') return this.#replace(family, token)
    family.active = undefined
    return 'refresh_token_already_used'
  }

  /** What a replaced token gets: the active token, a new one, or nothing. */
  #again(token: string, { family, counter, replacedAt = 0 }: FamilyToken): 'same' | 'next' | undefined {
    const active = family.active === undefined ? undefined : this.#tokens.get(family.active)
    if (!active) return undefined
    const { rule, reuseIntervalMs, now } = this.#options
    const isSoon = now() - replacedAt <= reuseIntervalMs
    const isParent = active.parent === token
    switch (rule) {
      case 'documented':
        return isParent ? 'same' : isSoon ? 'next' : undefined
      case 'strict':
        return isParent && isSoon ? 'same' : undefined
      case 'v2':
        return active.counter - counter === 1 || isSoon ? 'same' : undefined
    }
  }

  #replace(family: TokenFamily, parent: string | undefined): TokenFamily {
    const replaced = parent === undefined ? undefined : this.#tokens.get(parent)
    if (replaced) replaced.replacedAt ??= this.#options.now()
    const isNewer = this.#options.rule === 'v2'
    const token = isNewer ? Buffer.from(this.#source.randomBytes(24)).toString('base64url') : shortToken(this.#source)
    this.#tokens.set(token, { family, parent, counter: (replaced?.counter ?? -1) + 1 })
    family.active = token
    return family
  }
}

/** Twelve characters of `a-z0-9`, like the older tokens. */
function shortToken(source: TokenSource): string {
  return [...source.randomBytes(12)].map((byte) => (byte % 36).toString(36)).join('')
}

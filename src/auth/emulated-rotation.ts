import { randomBytes } from 'node:crypto'

/**
 * Which tokens that were replaced already are taken once more.
 * `documented`: the active token's parent at any time, any other for a short while (supabase.com/docs, sessions).
 * `strict`: the parent, for a short while (supabase/auth PR 466). `v2`: the one before, or any for a short while (PR 2216).
 */
export type RotationRule = 'documented' | 'strict' | 'v2'

export interface RotationOptions {
  readonly rule: RotationRule
  /** Milliseconds for which a replaced token is taken once more. */
  readonly reuseIntervalMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A family: every refresh token that came from one sign-in. */
export interface TokenFamily {
  readonly userId: string
  readonly sessionId: string
  /** Undefined once the family was revoked. */
  active: string | undefined
  /** How its session came to its end, if it did: the code that it is refused with. */
  endedBy?: string
}

interface Member {
  readonly family: TokenFamily
  readonly parent: string | undefined
  /** Which of its family, counted from 0. */
  readonly counter: number
  replacedAt?: number
}

/** What became of a refresh token: its family, with the token that is active now, or the code it is refused with. */
export type Rotated = TokenFamily | string

/** Refresh tokens as supabase/auth replaces them: each once, and one that comes again ends its family, by the rule. */
export class EmulatedRotation {
  readonly #options: RotationOptions
  readonly #members = new Map<string, Member>()

  constructor(options: RotationOptions) {
    this.#options = options
  }

  begin(userId: string): TokenFamily {
    const family: TokenFamily = { userId, sessionId: crypto.randomUUID(), active: undefined }
    this.#replace(family, undefined)
    return family
  }

  families(): readonly TokenFamily[] {
    return [...new Set([...this.#members.values()].map(({ family }) => family))]
  }

  rotate(token: string): Rotated {
    if (token.length < 12) return 'validation_failed'
    const member = this.#members.get(token)
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

  /** What a token that was replaced gets: the active one, another one, or nothing. */
  #again(token: string, { family, counter, replacedAt = 0 }: Member): 'same' | 'next' | undefined {
    const active = family.active === undefined ? undefined : this.#members.get(family.active)
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
    const replaced = parent === undefined ? undefined : this.#members.get(parent)
    if (replaced) replaced.replacedAt ??= this.#options.now()
    const token = this.#options.rule === 'v2' ? randomBytes(24).toString('base64url') : shortToken()
    this.#members.set(token, { family, parent, counter: (replaced?.counter ?? -1) + 1 })
    family.active = token
    return family
  }
}

/** Twelve of `a-z0-9`, as older tokens are. */
function shortToken(): string {
  return [...randomBytes(12)].map((byte) => (byte % 36).toString(36)).join('')
}

/** Something of another gateway's settings that could not be carried over, or that is done otherwise here. */
export interface ImportFinding {
  /** Where it stands: `litellm_settings.callbacks`. It has no secret. */
  readonly place: string
  /** A whole sentence. */
  readonly text: string
}

/** A variable of this gateway. Its value may be a secret. */
export type ImportedVariable = readonly [name: string, value: string]

/** Settings of this gateway that stand for another one's. */
export interface ImportedSettings {
  /** In the order in which a reader expects them. */
  readonly variables: readonly ImportedVariable[]
  /** Client keys for the file of `API_KEYS_FILE`, by their hashes. */
  readonly keys: readonly ImportedKey[]
  readonly findings: readonly ImportFinding[]
}

/** A client key as the file of `API_KEYS_FILE` has it. */
export interface ImportedKey {
  readonly name: string
  /** The SHA-256 of the text that the client sends. */
  readonly hash: string
  readonly models?: readonly string[]
  readonly budget?: string
  readonly rpm?: number
  readonly tpm?: number
  readonly expires?: string
}

/** Limit for a name or a value of the other gateway in a finding. */
const maxShown = 80

/** A value of the other gateway's settings that is no secret, safe to print. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ').slice(0, maxShown)
}

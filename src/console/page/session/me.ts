import { signal } from '@preact/signals'
import { ApiError, askJson, onRefusedKey } from './api.ts'
import { forgetKey, keepKey } from './key.ts'

/** The caller, as `GET /v1/me` says. */
export interface Me {
  readonly name: string
  readonly role: 'client' | 'admin'
  /** Whether the gateway needs a key at all. */
  readonly needs_key: boolean
  readonly version: string
  readonly limits: { readonly rpm: number | null; readonly tpm: number | null; readonly concurrent: number | null }
  /** Patterns of the models that it may use; null: all. */
  readonly models?: readonly string[] | null
  readonly expires?: string | null
  readonly budget?: BudgetUse | null
  /** Whether the operator records the texts of requests. */
  readonly records_prompts?: boolean
}

/** What a key may spend in a period, and what it has spent. */
export interface BudgetUse {
  readonly amount: number
  readonly unit: string
  readonly period: string | null
  readonly used: number
  readonly resets_at: string | null
}

/** `asking`: nothing is known yet; `refused`: a key is needed, or another one; else who the caller is. */
export type SignIn =
  | { readonly kind: 'asking' }
  | { readonly kind: 'refused'; readonly error: ApiError | undefined }
  | { readonly kind: 'known'; readonly me: Me }

export const signIn = signal<SignIn>({ kind: 'asking' })

/** Whether the caller may use the operator's views. */
export function isAdmin(): boolean {
  return signIn.value.kind === 'known' && signIn.value.me.role === 'admin'
}

/** Whether the operator records the texts of requests. */
export function isRecorded(): boolean {
  return signIn.value.kind === 'known' && signIn.value.me.records_prompts === true
}

/** Finds out who the caller is. @param key the key to try; it is kept if it is right */
export async function enter(key?: string): Promise<void> {
  try {
    const me = await askJson<Me>('/v1/me', { key })
    if (key !== undefined) keepKey(key)
    signIn.value = { kind: 'known', me }
  } catch (thrown) {
    const error = thrown instanceof ApiError ? thrown : undefined
    // without a key, the refusal says nothing that the reader has done wrong
    const isNews = key !== undefined || error?.status !== 401
    signIn.value = { kind: 'refused', error: isNews ? error : undefined }
  }
}

/** Forgets the key. @param error why it is of no use any more */
export function leave(error?: ApiError): void {
  forgetKey()
  signIn.value = { kind: 'refused', error }
}

onRefusedKey((error) => {
  if (signIn.value.kind === 'known') leave(error)
})

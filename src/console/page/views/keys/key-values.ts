import type { ClientKey } from './types.ts'

export const periods = ['month', 'day', ''] as const
export const units = ['USD', 'tokens'] as const

/** A budget in the parts that the form has. */
export interface BudgetParts {
  readonly amount: string
  readonly unit: (typeof units)[number]
  /** Empty: in all. */
  readonly period: (typeof periods)[number]
}

/** The fields of the form, as somebody writes them. */
export interface KeyValues {
  readonly name: string
  readonly owner: string
  readonly role: 'user' | 'admin'
  /** A pattern a line. */
  readonly models: string
  readonly rpm: string
  readonly tpm: string
  readonly concurrent: string
  readonly budget: BudgetParts
  readonly expires: string
}

export type KeyField = keyof KeyValues

/** The members of a key, as the API takes them. */
type KeyMembers = Readonly<Record<KeyField, unknown>>

export function readBudget(text: string | undefined): BudgetParts {
  const [, amount = '', unit, period] = /^([\d.]+) (USD|tokens)(?:\/(day|month))?$/.exec(text ?? '') ?? []
  return {
    amount,
    unit: units.find((one) => one === unit) ?? 'USD',
    period: text === undefined ? 'month' : (periods.find((one) => one === period) ?? ''),
  }
}

/** What the form shows of a key, or of a new one. */
export function valuesOf(key?: ClientKey): KeyValues {
  const write = (value: number | undefined) => (value === undefined ? '' : String(value))
  return {
    name: key?.name ?? '',
    owner: key?.owner ?? '',
    role: key?.role ?? 'user',
    models: (key?.models ?? []).join('\n'),
    rpm: write(key?.rpm),
    tpm: write(key?.tpm),
    concurrent: write(key?.concurrent),
    budget: readBudget(key?.budget),
    expires: key?.expires ?? '',
  }
}

/** The members of the key that the form describes; null where it is empty. The gateway says what is wrong with them. */
function membersOf(values: KeyValues): KeyMembers {
  const { amount, unit, period } = values.budget
  const patterns = values.models.split(/[\n,]/).map((line) => line.trim())
  const known = patterns.filter((line) => line !== '')
  return {
    name: values.name.trim(),
    owner: values.owner.trim() || null,
    role: values.role,
    models: known.length > 0 ? known : null,
    rpm: numberIn(values.rpm),
    tpm: numberIn(values.tpm),
    concurrent: numberIn(values.concurrent),
    budget: amount.trim() ? `${amount.trim()} ${unit}${period && `/${period}`}` : null,
    expires: values.expires.trim() || null,
  }
}

/** A text that is no number goes to the gateway as it is, which then says so. */
function numberIn(text: string): number | string | null {
  const written = text.trim()
  if (written === '') return null
  return /^\d+$/.test(written) ? Number(written) : written
}

/** The body that makes a key. */
export function newKeyOf(values: KeyValues): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(membersOf(values)).filter(([, value]) => value !== null))
}

/** The body that changes a key: only what is different, and null for what is taken away. */
export function changesOf(before: KeyValues, after: KeyValues): Readonly<Record<string, unknown>> {
  const [former, wanted] = [membersOf(before), membersOf(after)]
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([name, value]) => !isSame(Object.entries(former).find(([one]) => one === name)?.[1], value),
    ),
  )
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** Whether a key is no longer valid. A date means its end. @param now milliseconds since 1970 */
export function isExpired({ expires }: ClientKey, now: number): boolean {
  if (expires === undefined) return false
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(expires.slice(10))
  const at = Date.parse(expires.length === 10 || hasZone ? expires : `${expires}Z`)
  return now >= at + (expires.length === 10 ? 86_400_000 : 0)
}

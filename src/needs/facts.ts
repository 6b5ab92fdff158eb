import { excerpt } from '../chat/secret.ts'

/** Limits for names that clients choose. */
export const maxName = 200
const maxNames = 20

/** The latest time of a `Date`. */
const latestMs = 8.64e15

/** A time in the form of ISO 8601. @param ms milliseconds since 1970 */
export function timeOf(ms: number): string {
  return new Date(Math.min(ms, latestMs)).toISOString()
}

/** The first of these names; null for none. */
export function namesOf(names: readonly string[] | undefined): readonly string[] | null {
  return names ? names.slice(0, maxNames).map((name) => excerpt(name, maxName)) : null
}

import { z } from 'zod'

/** An http or https URL without a user, a query and a fragment. */
export const httpUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  if (/[?#]/.test(text)) return false
  const url = URL.parse(text)
  return url?.username === '' && url.password === ''
})

/** Such a URL, or a ws or wss URL of the same form. */
export const socketUrl = z
  .string()
  .refine((text) => /^wss?:/.test(text) && httpUrl.safeParse(text.replace('ws', 'http')).success)
  .or(httpUrl)

/** A whole number from `min` to `max`, both included. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
}

/**
 * One of a few words, in any case.
 * @param synonyms other words that mean one of them
 */
export function oneOf<Word extends string>(
  words: readonly Word[],
  synonyms: Readonly<Record<string, NoInfer<Word>>>,
): z.ZodType<Word> {
  return z
    .string()
    .toLowerCase()
    .transform((word) => synonyms[word] ?? word)
    .pipe(z.enum(words))
}

/** The usual words for yes and no. */
export const yesAndNo = {
  1: 'true',
  yes: 'true',
  y: 'true',
  on: 'true',
  0: 'false',
  no: 'false',
  n: 'false',
  off: 'false',
} as const

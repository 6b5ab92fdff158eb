/** Returns the value that a text means; undefined if it means none. */
export type ReadValue<T> = (text: string) => T | undefined

/** An http or https URL without a user, a query and a fragment. */
export const httpUrl: ReadValue<string> = (text) => {
  // the parser also accepts a URL without the slashes
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  const isPlain = url?.username === '' && url.password === '' && !/[?#]/.test(text)
  // the parser drops these characters
  return isPlain ? text.replaceAll(/[\t\n\r]/g, '') : undefined
}

/** Such a URL, or a ws or wss URL of the same form. */
export const socketUrl: ReadValue<string> = (text) => {
  if (!/^wss?:/.test(text)) return httpUrl(text)
  return httpUrl(text.replace('ws', 'http')) === undefined ? undefined : text
}

/** A whole number from `min` to `max`, both included. */
export function wholeNumber(min: number, max: number): ReadValue<number> {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return number >= min && number <= max ? number : undefined
  }
}

/**
 * One of a few words, in any case.
 * @param synonyms other words that mean one of them
 */
export function oneOf<Word extends string>(
  words: readonly Word[],
  synonyms: Readonly<Record<string, NoInfer<Word>>>,
): ReadValue<Word> {
  return (text) => {
    const word = text.toLowerCase()
    return (Object.hasOwn(synonyms, word) ? synonyms[word] : undefined) ?? words.find((known) => known === word)
  }
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

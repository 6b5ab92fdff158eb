/** What a client asks for: the true answer is known from it alone, so that nothing lost, doubled or mixed goes unseen. */
export interface Wish {
  /** The name of the request, which is a part of every word of its answer. */
  readonly id: string
  readonly words: number
}

/** The only right answer to a wish. */
export function truthOf({ id, words }: Wish): string {
  return Array.from({ length: words }, (_, at) => `${id}.${at}`).join(' ')
}

export function promptOf({ id, words }: Wish): string {
  return `Say ${id} ${words}`
}

/** Finds the newest wish in a text; undefined if there is none, such as in the chat of a test. */
export function wishIn(text: string): Wish | undefined {
  const [, id, words] = [...text.matchAll(/Say (\w+) (\d+)/g)].at(-1) ?? []
  return id === undefined ? undefined : { id, words: Number(words) }
}

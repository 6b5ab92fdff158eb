/** What a model reads of a request, in the form in which the client sent it. */
export interface SentPrompt {
  /** In the order in which services read them. The last one grows from turn to turn. */
  readonly members: readonly PromptMember[]
  /** The client's own name of the conversation. */
  readonly conversation: string | undefined
  /** Milliseconds for which the client wants the prompt to stay in a cache, if it says so. */
  readonly cacheMs: number | undefined
}

/** A member of a client's body: a text, an object, or a list of them. It is undefined if it was not sent. */
export interface PromptMember {
  readonly name: string
  readonly value: unknown
  /** How many items of the list are not in the body itself, because an earlier response has them. */
  readonly earlier?: number
}

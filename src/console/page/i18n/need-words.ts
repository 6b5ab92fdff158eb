/** What the sentences about a need are made of: names are marked already, times and numbers are in the language of the page. */
export interface NeedWords {
  readonly kind: string
  readonly upstream: string
  readonly account: string
  readonly model: string
  readonly toolServer: string
  readonly key: string
  /** Undefined if it is not known. */
  readonly variable: string | undefined
  /** When it ends by itself, such as `in 5 minutes`; undefined if it does not. */
  readonly until: string | undefined
  /** The subjects that are known, all of them. */
  readonly subjects: string
  /** A number of the facts; undefined if it is not known. */
  readonly number: (fact: string) => number | undefined
  /** A number of the facts, written out. */
  readonly count: (fact: string) => string
  /** A text of the facts as a name, or as what is typed exactly so; undefined if it is not known. */
  readonly text: (fact: string) => string | undefined
  readonly typed: (fact: string) => string | undefined
  /** A list of names of the facts; undefined if it is not known or empty. */
  readonly list: (fact: string) => string | undefined
}

/** The sentences about a need of one kind. */
export interface KindWords {
  /** What is wrong, in one or two sentences. */
  readonly cause: (need: NeedWords) => string
  /** The safest next step. */
  readonly step: (need: NeedWords) => string
}

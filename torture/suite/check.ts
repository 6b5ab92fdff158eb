import type { Lab } from '../lab/lab.ts'

/** One claim about a gateway. */
export interface Check {
  /** `SECTION/NAME`. */
  readonly id: string
  /** What is true of a gateway that passes. */
  readonly claim: string
  /** Whether it is made for each lane, once for each surface, or once. */
  readonly per: 'lane' | 'surface' | 'gateway'
  /** Where the idea of this check is from, if it is not ours. */
  readonly credit?: string
  /** The upstream fails in it, so the gateway may rest it: the next check waits until it is asked again. */
  readonly spoils?: true
  /** It mostly waits, so all lanes are tried at once. */
  readonly together?: true
  /** What must be known of the gateway. */
  readonly needs?: 'key' | 'pid' | 'prices'
  /**
   * Tries it. A failure is thrown.
   * @returns a figure or a note for the score card
   */
  run(lab: Lab): Promise<string | undefined>
}

/** Checks that are about the same thing. */
export interface Section {
  readonly name: string
  readonly title: string
  readonly checks: readonly Check[]
}

export type Outcome = 'pass' | 'fail' | 'skip'

/** What was sent and received. */
export interface Evidence {
  readonly clientSent: string
  readonly clientGot: string
  /** One for each attempt. */
  readonly upstreamGot: readonly string[]
  readonly upstreamSent: readonly string[]
}

export interface Result {
  readonly check: string
  readonly lane: string
  readonly outcome: Outcome
  /** Why it failed or was not made, or a figure. */
  readonly note?: string
  readonly evidence?: Evidence
  readonly ms: number
}

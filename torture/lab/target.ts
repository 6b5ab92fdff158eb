import type { Surface } from '../talk/surface.ts'

/** A surface of the gateway, and the model that is asked there. */
export interface Lane {
  readonly name: string
  readonly surface: Surface
  readonly model: string
  /** More headers of each request of this lane. */
  readonly fields?: Readonly<Record<string, string>>
}

/** The header of an answer with its cost, and the prices that the gateway was configured with, in US dollars for a million tokens. */
export interface Prices {
  readonly header: string
  readonly input: number
  readonly output: number
}

/** The gateway under test. */
export interface Target {
  /** Its address, without `/v1`. */
  readonly url: string
  readonly key?: string
  readonly lanes: readonly Lane[]
  /** More headers of each request. */
  readonly fields?: Readonly<Record<string, string>>
  /** How it states the cost of an answer. */
  readonly prices?: Prices
  /** Its process on this machine, if its memory and descriptors are to be measured. */
  readonly pid?: number
}

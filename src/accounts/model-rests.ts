import type { Rest } from './rest.ts'

interface ModelRest {
  readonly rest: Rest
  /** Failures since the last success with this model. */
  readonly failures: number
}

/** Limit for the models that are remembered. Clients choose the names of models. */
const maxModels = 64

/** The rests of an account with single models, because many services limit each model separately. */
export class ModelRests {
  readonly #rests = new Map<string, ModelRest>()

  /** The rest with this model, if it has not ended. */
  of(model: string, now: number): Rest | undefined {
    const rest = this.#rests.get(model)?.rest
    return rest && rest.state.until > now ? rest : undefined
  }

  /** Failures with this model since its last success. */
  failures(model: string): number {
    return this.#rests.get(model)?.failures ?? 0
  }

  set(model: string, rest: Rest, failures: number): void {
    this.#rests.delete(model)
    this.#rests.set(model, { rest, failures })
    const [oldest] = this.#rests.keys()
    if (this.#rests.size > maxModels && oldest !== undefined) this.#rests.delete(oldest)
  }

  /** Notes an answer, which ends the rest with this model. @returns whether nothing is remembered any more */
  succeed(model: string): boolean {
    this.#rests.delete(model)
    return this.#rests.size === 0
  }

  /** The models that rest, each with its rest. */
  resting(now: number): readonly { readonly model: string; readonly rest: Rest }[] {
    return [...this.#rests].flatMap(([model, { rest }]) => (rest.state.until > now ? [{ model, rest }] : []))
  }
}

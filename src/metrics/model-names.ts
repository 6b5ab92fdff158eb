import { other } from './rows.ts'

/** Limit for the characters of a name. Clients and upstreams choose names. */
const maxLength = 200
/** Limit for the models that no list has, but that have answered. */
const maxUnlisted = 100
/** Signs that some readers of metrics refuse, or that two different names would show as one. */
const odd = /[\p{Cc}\p{Cf}\p{Cs}]/u
/** Asks for the gateway's tools, and is no part of the model's name in a list. */
const toolsSuffix = /:tools$/

/**
 * The names of models that are counted apart: those of the catalog, and some that upstreams have answered although they do not list
 * them. All others are `other`, so that a client cannot make new ones.
 */
export class ModelNames {
  readonly #isListed: (model: string) => boolean
  readonly #unlisted = new Set<string>()

  /** @param isListed whether the catalog knows this name now */
  constructor(isListed: (model: string) => boolean) {
    this.#isListed = isListed
  }

  /** @param hasAnswered whether the model has just answered */
  labelOf(model: string, { hasAnswered }: { readonly hasAnswered: boolean }): string {
    if (model.length > maxLength) return other
    if (this.#isListed(model) || this.#unlisted.has(model) || this.#isListed(model.replace(toolsSuffix, '')))
      return model
    if (!hasAnswered || this.#unlisted.size >= maxUnlisted || odd.test(model)) return other
    this.#unlisted.add(model)
    return model
  }
}

import type { ChatError } from '../../chat/error.ts'
import type { Exchange, FailureReply, RequestFacts } from '../exchange/exchange.ts'
import type { Services } from '../exchange/services.ts'
import type { JsonSchema } from './json-schema.ts'

/** Makes the response to a request that the door has let in. What it throws becomes a response too. */
export type Handler = (exchange: Exchange, services: Services) => Response | Promise<Response>

/** What is answered at a path. */
export interface SurfaceRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `{name}` stands for one segment, `{name+}` at the end for all that follow. */
  readonly path: string
  /** Who may ask: everybody, every caller with a key, or only an admin. */
  readonly access: 'open' | 'client' | 'admin'
  /** Whether pages of other origins may ask, if the operator lets them. */
  readonly cors: boolean
  /** Answers to the end, also while no new work is taken. */
  readonly isLast?: true
  /** In a few words, for `openapi.json`, as what follows. */
  readonly summary: string
  /** The schema of the body that it takes. */
  readonly takes?: string
  /** The schema of the body that it gives. */
  readonly gives?: string
  /** The schema of the events that it gives, where it gives a stream. */
  readonly streams?: string
  readonly handler: Handler
}

/**
 * A set of routes for one kind of client, and the form in which that client reads a failure
 * (docs/decisions/0036-surfaces-are-values.md).
 */
export interface Surface {
  readonly name: string
  readonly routes: readonly SurfaceRoute[]
  /** A failure at one of its paths, or near them: a missing key, a path that is not there, a body that cannot be read. */
  readonly error: (error: ChatError, facts: RequestFacts) => FailureReply
  /**
   * Headers on every answer at these paths, a failure too, beside those that every surface gives: the request's id under
   * another name, say, or what is left of its caller's limits.
   */
  readonly headers?: (facts: RequestFacts) => Readonly<Record<string, string>>
  /** JSON schemas by name; two surfaces may share one. */
  readonly schemas?: Readonly<Record<string, JsonSchema>>
  /** The schema of a failure. */
  readonly failure?: string
  /** A clause for those who have got a path of it wrong: what there is comes after it. */
  readonly hint?: string
}

import type { ChatError, Reason } from '../../chat/error.ts'
import type { Exchange, FailureReply, RequestFacts } from '../exchange/exchange.ts'
import type { Services } from '../exchange/services.ts'
import type { JsonSchema } from './json-schema.ts'

/** Makes the response to a request that the door has let in. If it throws, the error becomes the response. */
export type Handler = (exchange: Exchange, services: Services) => Response | Promise<Response>

/** A method and a path, and how they are answered. */
export interface SurfaceRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `{name}` stands for one segment. `{name+}`, at the end, stands for all segments that follow. */
  readonly path: string
  /** Who may use the route: everyone, every caller with a key, or only an admin. */
  readonly access: 'open' | 'client' | 'admin'
  /** Whether pages of other origins may use the route, if the operator allows them. */
  readonly cors: boolean
  /** Whether the route still answers during a shutdown, when new work is refused. */
  readonly isLast?: true
  /** Whether the answer depends on the caller's role, although every caller may use the route. */
  readonly showsRole?: true
  /** One sentence for `openapi.json`. The fields below are for it too. */
  readonly summary: string
  /** The schemas of `{name}`s that may not be any text. */
  readonly params?: Readonly<Record<string, JsonSchema>>
  /** The parameters of the query. All may be left out. */
  readonly query?: Readonly<Record<string, JsonSchema>>
  /** The headers that have a meaning for this route only. All may be left out. */
  readonly reads?: Readonly<Record<string, JsonSchema>>
  /** The schema of the request's body. */
  readonly takes?: string | undefined
  /** Whether the body may be left out. */
  readonly mayTakeNothing?: true
  /** The schema of the request's body, if it is a form with a file. */
  readonly takesForm?: string
  /** The schema of the response's body. */
  readonly gives?: string
  /** The status of a success, if it is not 200. */
  readonly status?: number
  /** Other statuses that are answered on purpose, with the schema of the body, or an empty text if there is none. */
  readonly answers?: Readonly<Record<number, string>>
  /** The types of the response's body, if it is a text. */
  readonly givesText?: readonly string[]
  /** The types of the response's body, if an upstream makes it, or a file has it. */
  readonly givesBytes?: readonly string[]
  /** The schema of the events, if the response is a stream. */
  readonly streams?: string
  /** Why its handler may fail, beside what may happen on every route. */
  readonly fails?: readonly Reason[]
  readonly handler: Handler
}

/**
 * A set of routes for one kind of client, and the form of a failure for that client
 * (docs/decisions/0036-surfaces-are-values.md).
 */
export interface Surface {
  readonly name: string
  readonly routes: readonly SurfaceRoute[]
  /** The beginning of its paths that clients may leave out or repeat. */
  readonly base?: string
  /** A header that only its clients send. For them, an unknown path is near its own. */
  readonly header?: string
  /** Encodes a failure at one of its paths or near them, such as a missing key, an unknown path or an invalid body. */
  readonly error: (error: ChatError, facts: RequestFacts) => FailureReply
  /**
   * Extra headers of every response at these paths, also of a failure: for example the request's id under another
   * name, or the rest of the caller's limits.
   */
  readonly headers?: (facts: RequestFacts) => Readonly<Record<string, string>>
  /** JSON schemas by name; two surfaces may share one. */
  readonly schemas?: Readonly<Record<string, JsonSchema>>
  /** The schema of a failure. */
  readonly failure?: string
  /** The first clause of the message about an unknown path. A list of the existing routes follows it. */
  readonly hint?: string
}

/** Why a request to an upstream may fail. */
export const asking: readonly Reason[] = [
  ...(['unsupported', 'content-filtered', 'model-not-found', 'limit-reached', 'budget-spent'] as const),
  ...(['quota-exhausted', 'rate-limited', 'account-refused', 'login-needed', 'account-banned'] as const),
  ...(['renewal-failed', 'challenged', 'overloaded', 'busy', 'timeout', 'upstream-failed'] as const),
  'upstream-outdated',
]

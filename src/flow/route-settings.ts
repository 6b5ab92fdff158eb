/** What the route of a call has set. What is absent is as for all others. */
export interface RouteSettings {
  /** Milliseconds until the first event. */
  readonly firstMs?: number
  /** Milliseconds between two events. */
  readonly idleMs?: number
  /** Whether an answer that breaks off is continued. */
  readonly continues?: boolean
  /** Whether a slow upstream may be asked a second time while the first request runs. */
  readonly hedges?: boolean
}

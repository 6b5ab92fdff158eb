/** How a message of an upstream differs from those that its adapter knows. It has no value of the message. */
export interface Drift {
  readonly kind: 'unknown_event' | 'missing_field' | 'wrong_type'
  /** The event, and the path of the field in it: `content-delta: delta.message.content.text`. */
  readonly where: string
  /** The members of the message and their types: `{"type": string, "delta": {"text": string}}`. */
  readonly shape: string
}

/** Gets what an upstream sent otherwise than its adapter knows it. */
export type NoteDrift = (drift: Drift) => void

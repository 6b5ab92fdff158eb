import type { Answer, Json, Talk } from '../talk/talk.ts'

/** A failure as an upstream tells it. */
export interface UpstreamError {
  readonly message: string
  readonly type: string
  readonly code?: string
}

/** A dialect as an upstream speaks it, written by hand from its documentation. */
export interface UpstreamDialect {
  /** The events of a streamed answer, each with its end. The last one is the mark of the end. */
  frames(answer: Answer, body: Json): readonly string[]
  whole(answer: Answer, body: Json): object
  error(error: UpstreamError): object
  /** An error as an event of a stream. */
  errorFrame(error: UpstreamError): string
  /** Reads a request. @throws if it has another shape */
  read(body: Json): Talk
}

export const dataFrame = (data: object | string): string =>
  `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
export const namedFrame = (event: { readonly type: string }): string => `event: ${event.type}\n${dataFrame(event)}`

export const pngOf = (data: string): string => `data:image/png;base64,${data}`
export const base64Of = (url: string): string => url.slice(url.indexOf(',') + 1)
